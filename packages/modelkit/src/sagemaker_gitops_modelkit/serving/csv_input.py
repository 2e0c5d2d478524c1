"""text/csv (RFC 4180): rows in the schema's order, or any order below a header line."""

import csv
import io
from collections.abc import Iterator, Sequence

import msgspec

from sagemaker_gitops_modelkit.serving.batch import Assembler, Batch
from sagemaker_gitops_modelkit.serving.csv_text import is_header, read_rows
from sagemaker_gitops_modelkit.serving.explain import Explainer, Row
from sagemaker_gitops_modelkit.serving.problem import invalid, malformed, too_large
from sagemaker_gitops_modelkit.serving.schema import Schema

Cells = Sequence[str | None]


class CsvInput:
    """Decodes and validates CSV bodies; an empty cell is a missing value."""

    def __init__(self, schema: Schema, *, max_rows: int) -> None:
        self._schema = schema
        self._max_rows = max_rows
        self._assembler = Assembler(schema)
        self._explainer = Explainer(schema, strict=False)
        self._rows_type = list[tuple[tuple(feature.value_type for feature in schema.features)]]  # type: ignore[misc]

    def decode(self, body: bytes, *, header: bool | None = None) -> Batch:
        """Return the body's rows as a batch; `header` None looks at the first line."""
        self._refuse_beyond(body.count(b"\n") - 1)  # a first estimate, before memory is spent on it
        lines = _read(body)
        if not lines:
            raise malformed("expected at least one row")
        if header or (header is None and is_header(lines[0], self._schema.names)):
            names, rows = tuple(lines[0]), lines[1:]
        else:
            names, rows = self._schema.names, lines
        return self._validate(names, rows)

    def _validate(self, names: tuple[str, ...], rows: list[list[str]]) -> Batch:
        if errors := list(self._explainer.name_errors(names)):
            raise invalid(errors)
        if not rows:
            raise malformed("expected at least one row below the header")
        self._refuse_beyond(len(rows))
        width = len(names)
        ordered = self._in_order(names, rows) if all(len(row) == width for row in rows) else None
        if ordered is None:
            raise invalid(self._explainer.errors(_cells(names, rows)))
        try:
            validated = msgspec.convert(ordered, self._rows_type, strict=False)
        except msgspec.ValidationError as error:
            raise invalid(self._explainer.errors(_cells(names, rows))) from error
        return self._assembler.from_rows(lambda: validated, count=len(validated))

    def _refuse_beyond(self, rows: int) -> None:
        if rows > self._max_rows:
            raise too_large(f"more than {self._max_rows} rows; send them in several requests")

    def _in_order(self, names: tuple[str, ...], rows: list[list[str]]) -> list[Cells]:
        """Bring the cells into the schema's order, missing ones as None."""
        filled: list[Cells] = [[cell or None for cell in row] if "" in row else row for row in rows]
        if names == self._schema.names:
            return filled
        columns = dict(zip(names, zip(*filled, strict=True), strict=True))
        absent = (None,) * len(rows)
        return list(zip(*(columns.get(name, absent) for name in self._schema.names), strict=True))


def _read(body: bytes) -> list[list[str]]:
    try:
        return read_rows(io.StringIO(body.decode("utf-8-sig"), newline=""))
    except UnicodeDecodeError as error:
        raise malformed(f"not UTF-8: {error.reason} at byte {error.start}") from error
    except csv.Error as error:
        raise malformed(f"not CSV: {error}") from error


def _cells(names: tuple[str, ...], rows: list[list[str]]) -> Iterator[Row]:
    for row in rows:
        if len(row) != len(names):
            yield f"has {len(row)} cells, expected {len(names)}"
        else:
            yield {name: msgspec.json.encode(cell) if cell else None for name, cell in zip(names, row, strict=True)}
