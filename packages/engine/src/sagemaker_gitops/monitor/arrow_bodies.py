"""Captured Arrow streams, read by the reader of the serving container: what it takes is a row, and nothing else."""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET
from sagemaker_gitops_modelkit.serving.arrow_metadata import Malformed
from sagemaker_gitops_modelkit.serving.arrow_stream import SCALARS, Stream, TooManyRows

# A body holds a few megabytes; one of nothing but nulls may announce any number of rows.
MAX_ROWS = 1 << 20


def read_arrow(body: bytes, names: Sequence[str]) -> tuple[list[Sequence[Any]], list[str]]:
    """Return rows of the cells under `names`, UNSET where a column is absent, and the names of other columns.

    ValueError when the body cannot be read.
    """
    try:
        stream = Stream(body)
        if not all(field.type in SCALARS for field in stream.fields):
            raise ValueError("a column of the stream holds no single values")
        # The container refuses truth values, and its reader has no cells for them.
        if any(field.type == "bool" and field.name in names for field in stream.fields):
            raise ValueError("a column of the contract holds truth values")
        rows, columns = stream.columns(set(names), max_rows=MAX_ROWS)
    except (Malformed, TooManyRows) as err:
        raise ValueError(str(err)) from err
    if not rows:
        raise ValueError("the stream has no rows")
    cells = [_cells(columns[name]) if name in columns else [UNSET] * rows for name in names]
    return list(zip(*cells, strict=True)), [field.name for field in stream.fields if field.name not in names]


def _cells(column: Any) -> list[Any]:
    if hasattr(column, "codes"):
        values = [*column.values, None]
        return [values[code] for code in column.codes.tolist()]
    return [cell if valid else None for cell, valid in zip(column.values.tolist(), column.valid.tolist(), strict=True)]
