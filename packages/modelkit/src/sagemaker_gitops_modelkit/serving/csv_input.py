"""text/csv (RFC 4180): rows in the schema's order, or any order below a header line."""

import csv
import io
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from sagemaker_gitops_modelkit.cells import read_number, read_rows
from sagemaker_gitops_modelkit.serving.batch import Assembler, Batch
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
        self._columns = schema.text_columns
        # What msgspec reads as a missing value: numbers have a null, categories the empty text.
        self._nothing = tuple(None if feature.is_number else "" for feature in schema.features)
        self._rows_type = list[tuple[tuple(feature.text_type for feature in schema.features)]]  # type: ignore[misc]

    def decode(self, body: bytes, *, header: bool | None = None) -> Batch:
        """Return the body's rows as a batch; `header` None looks at the first line."""
        self._refuse_beyond(body.count(b"\n") - 1)  # a first estimate, before memory is spent on it
        lines = _read(body)
        if not lines:
            raise malformed("expected at least one row")
        return self._validate(*self._columns.split(lines, header=header))

    def _validate(self, names: tuple[str, ...], rows: list[list[str]]) -> Batch:
        if errors := list(self._explainer.name_errors(names)):
            raise invalid(errors)
        if not rows:
            raise malformed("expected at least one row below the header")
        self._refuse_beyond(len(rows))
        width = len(names)
        if not all(len(row) == width for row in rows):
            raise invalid(self._explainer.errors(self._explained(names, rows)))
        validated = self._converted(self._in_order(names, rows))
        if validated is None:
            # Blanks, signs and words for nothing are not msgspec's: read those cells, and try again.
            validated = self._converted([self._read_numbers(row) for row in self._in_order(names, rows)])
        if validated is None:
            raise invalid(self._explainer.errors(self._explained(names, rows)))
        return self._assembler.from_rows(lambda: validated, count=len(validated))

    def _converted(self, rows: list[Cells]) -> Any:
        try:
            return msgspec.convert(rows, self._rows_type, strict=False)
        except msgspec.ValidationError:
            return None

    def _read_numbers(self, row: Cells) -> Cells:
        return [_plain(cell) if nothing is None else cell for cell, nothing in zip(row, self._nothing, strict=True)]

    def _refuse_beyond(self, rows: int) -> None:
        if rows > self._max_rows:
            raise too_large(f"more than {self._max_rows} rows; send them in several requests")

    def _in_order(self, names: tuple[str, ...], rows: list[list[str]]) -> list[Cells]:
        """Bring the cells into the schema's order, missing ones as msgspec reads them."""
        if names == self._schema.names:
            return [self._filled(row) if "" in row else row for row in rows]
        columns = dict(zip(names, zip(*rows, strict=True), strict=True))
        absent = ("",) * len(rows)
        return list(map(self._filled, zip(*(columns.get(name, absent) for name in self._schema.names), strict=True)))

    def _filled(self, row: Sequence[str]) -> Cells:
        return [cell or nothing for cell, nothing in zip(row, self._nothing, strict=True)]

    def _explained(self, names: tuple[str, ...], rows: list[list[str]]) -> Iterator[Row]:
        """Give each row to the explainer, its cells as JSON; what is missing is None."""
        for row in rows:
            if len(row) != len(names):
                yield f"has {len(row)} cells, expected {len(names)}"
            else:
                yield {name: self._as_json(name, cell) for name, cell in zip(names, row, strict=True)}

    def _as_json(self, name: str, cell: str) -> bytes | None:
        text = _plain(cell) if name in self._columns.numbers else cell
        return msgspec.json.encode(text) if text and text.strip() else None


def _read(body: bytes) -> list[list[str]]:
    try:
        return read_rows(io.StringIO(body.decode("utf-8-sig"), newline=""))
    except UnicodeDecodeError as error:
        raise malformed(f"not UTF-8: {error.reason} at byte {error.start}") from error
    except csv.Error as error:
        raise malformed(f"not CSV: {error}") from error


def _plain(cell: str | None) -> str | None:
    """Write a number as msgspec reads it, and None where it is missing; what is no number stays as it is."""
    try:
        number = read_number(cell or "")
    except ValueError:
        return cell
    return None if number is None else repr(number)
