"""Captured Arrow streams, read by the reader of the serving container: what it takes is a row, and nothing else.

The reader lies in `model/inference`, in a checkout as in the folder that a processing job gets; it needs numpy,
msgspec and flatbuffers, which the serving image has. Without it such bodies count as undecodable.
"""

import sys
from collections.abc import Sequence
from functools import cache
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from msgspec import UNSET

MODULES = ("arrow_metadata", "arrow_text", "arrow_stream")
FOLDER = Path(__file__).parents[2] / "model" / "inference"
# A body holds a few megabytes; one of nothing but nulls may announce any number of rows.
MAX_ROWS = 1 << 20


def read_arrow(body: bytes, names: Sequence[str]) -> tuple[list[Sequence[Any]], list[str]]:
    """Return rows of the cells under `names`, UNSET where a column is absent, and the names of other columns.

    ValueError when the body cannot be read.
    """
    reader = _reader()
    if reader is None:
        raise ValueError(f"there is no reader of Arrow in {FOLDER}")
    try:
        stream = reader.Stream(body)
        if not all(field.type in reader.SCALARS for field in stream.fields):
            raise ValueError("a column of the stream holds no single values")
        # The container refuses truth values, and its reader has no cells for them.
        if any(field.type == "bool" and field.name in names for field in stream.fields):
            raise ValueError("a column of the contract holds truth values")
        rows, columns = stream.columns(set(names), max_rows=MAX_ROWS)
    except (reader.Malformed, reader.TooManyRows) as err:
        raise ValueError(str(err)) from err
    if not rows:
        raise ValueError("the stream has no rows")
    cells = [_cells(columns[name]) if name in columns else [UNSET] * rows for name in names]
    return list(zip(*cells, strict=True)), [field.name for field in stream.fields if field.name not in names]


def sources() -> list[Path]:
    """List the reader's files, if it is there as a whole."""
    files = [FOLDER / f"{name}.py" for name in MODULES]
    return files if all(file.is_file() for file in files) else []


def _cells(column: Any) -> list[Any]:
    if hasattr(column, "codes"):
        values = [*column.values, None]
        return [values[code] for code in column.codes.tolist()]
    return [cell if valid else None for cell, valid in zip(column.values.tolist(), column.valid.tolist(), strict=True)]


@cache
def _reader() -> ModuleType | None:
    return [_loaded(path) for path in sources()][-1] if sources() else None


def _loaded(path: Path) -> ModuleType:
    """Load by path what is no package of the pipeline; the modules import each other by name."""
    if path.stem not in sys.modules:
        spec = spec_from_file_location(path.stem, path)
        if spec is None or spec.loader is None:
            raise ImportError(path.stem, path=str(path))
        sys.modules[path.stem] = module_from_spec(spec)
        spec.loader.exec_module(sys.modules[path.stem])
    return sys.modules[path.stem]
