"""Validated input, column by column, and the arrays that ONNX Runtime takes."""

from collections.abc import Collection, Sequence
from itertools import chain
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from schema import Schema

Column = Sequence[Any] | npt.NDArray[Any]
Feeds = dict[str, npt.NDArray[Any]]


class Batch(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Validated rows as columns in the schema's order; None is a missing value."""

    rows: int
    columns: Sequence[Column]


def from_rows(rows: Collection[Sequence[Any]]) -> Batch:
    """Turn validated rows into a batch."""
    return Batch(rows=len(rows), columns=list(zip(*rows, strict=True)))


def joined(batches: Sequence[Batch]) -> Batch:
    """Put several batches below each other."""
    if len(batches) == 1:
        return batches[0]
    parts = zip(*(batch.columns for batch in batches), strict=True)
    columns = [list(chain.from_iterable(part)) for part in parts]
    return Batch(rows=sum(batch.rows for batch in batches), columns=columns)


class Tensors:
    """Makes the model's inputs: one [N, 1] array a feature, float32 for numbers and strings for categories."""

    def __init__(self, schema: Schema) -> None:
        places = list(enumerate(schema.features))
        self._numbers = [(place, feature.name) for place, feature in places if feature.is_number]
        self._categories = [(place, feature.name) for place, feature in places if not feature.is_number]
        self._optional = any(feature.is_optional for feature in schema.features if not feature.is_number)

    def feeds(self, batch: Batch) -> Feeds:
        """Build one block a type and hand out its rows; missing is NaN, or the string that no category is."""
        feeds: Feeds = {}
        if self._numbers:
            block = np.array([batch.columns[place] for place, _ in self._numbers], dtype=np.float32)
            feeds.update(zip((name for _, name in self._numbers), block[:, :, np.newaxis], strict=True))
        if self._categories:
            block = np.array([batch.columns[place] for place, _ in self._categories], dtype=object)
            if self._optional:
                block[block == None] = ""  # noqa: E711 - compares every element
            feeds.update(zip((name for _, name in self._categories), block[:, :, np.newaxis], strict=True))
        return feeds
