"""Rows as the arrays that ONNX Runtime takes: one [N, 1] tensor a feature."""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from schema import Feature, Schema

Tensor = npt.NDArray[Any]


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Validated input of `rows` rows, by feature name."""

    rows: int
    feeds: dict[str, Tensor]


def from_rows(schema: Schema, rows: Collection[Sequence[Any]]) -> Batch:
    """Turn validated rows, cells in the schema's order, into a batch."""
    return from_columns(schema, zip(*rows, strict=True), count=len(rows))


def from_columns(schema: Schema, columns: Iterable[Sequence[Any] | None], *, count: int) -> Batch:
    """Turn validated columns in the schema's order into a batch; None is a column left out."""
    feeds = {
        feature.name: _tensor(feature, column if column is not None else (None,) * count)
        for feature, column in zip(schema.features, columns, strict=True)
    }
    return Batch(rows=count, feeds=feeds)


def _tensor(feature: Feature, column: Sequence[Any]) -> Tensor:
    """Missing numbers become NaN; missing categories the empty string, which no category is."""
    if feature.is_number:
        return np.array(column, dtype=np.float32).reshape(-1, 1)
    tensor = np.array(column, dtype=object).reshape(-1, 1)
    if feature.is_optional:
        tensor[tensor == None] = ""  # noqa: E711 - compares every element
    return tensor
