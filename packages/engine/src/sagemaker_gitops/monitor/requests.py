"""Request bodies as rows of cells, in the forms that the serving container accepts, by the container's own readers."""

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, chain
from typing import Any, TypeVar

import msgspec
from msgspec import UNSET
from sagemaker_gitops_modelkit.cells import read_rows
from sagemaker_gitops_modelkit.serving.arrow_metadata import Malformed
from sagemaker_gitops_modelkit.serving.arrow_stream import SCALARS, Stream, TooManyRows

from sagemaker_gitops.monitor.baseline import Contract
from sagemaker_gitops.monitor.columns import Cell, is_missing
from sagemaker_gitops.monitor.events import UNREADABLE, Form, Payload, forms, texts
from sagemaker_gitops.monitor.plain_csv import read_plain

Row = Sequence[Cell]
T = TypeVar("T")

_NOTHING = Payload(data="")
# A body holds a few megabytes; an Arrow stream of nothing but nulls may announce any number of rows.
_MAX_ROWS = 1 << 20


@dataclass(kw_only=True)
class Table:
    """Rows of several requests: cells in the order of features and, unless `complete`, the carried columns.

    `complete` rows hold every feature and nothing else; `lengths` are the requests' numbers of rows.
    Where `columns` are given, Arrow arrays by feature, the rows themselves were never made.
    """

    rows: list[Row] = field(default_factory=list)
    columns: Mapping[str, Any] | None = None
    lengths: list[int] = field(default_factory=list)
    textual: bool = False
    complete: bool = False
    extra: list[str] = field(default_factory=list)
    undecodable: int = 0

    def by_request(self) -> Iterator[Sequence[Row]]:
        """Give each request's rows, in the order of the requests."""
        ends = accumulate(self.lengths)
        return (self.rows[end - length : end] for length, end in zip(self.lengths, ends, strict=True))


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Requests in the order of their events: where each was decoded to."""

    by_form: Mapping[Form, Table]
    forms: Sequence[Form]

    @property
    def tables(self) -> Iterable[Table]:
        """A table for each form that occurs."""
        return self.by_form.values()

    @property
    def has_groups(self) -> bool:
        """Tell whether any caller sent the protected attribute along."""
        return any(not is_missing(row[-1]) for table in self.tables if not table.complete for row in table.rows)

    def lengths(self) -> Sequence[int]:
        """Count the rows of each event."""
        return self._in_order({form: table.lengths for form, table in self.by_form.items()})

    def rows(self) -> Sequence[Sequence[Row]]:
        """Give the rows of each event."""
        return self._in_order({form: list(table.by_request()) for form, table in self.by_form.items()})

    def _in_order(self, found: Mapping[Form, Sequence[T]]) -> Sequence[T]:
        if len(found) == 1:
            return next(iter(found.values()))
        waiting = {form: iter(items) for form, items in found.items()}
        return [next(waiting[form]) for form in self.forms]


class Requests:
    """Decodes request bodies by types made from the contract."""

    def __init__(self, contract: Contract) -> None:
        self._contract = contract
        self._names = contract.names
        self._carried = contract.carried
        self._known = frozenset((*self._names, *filter(None, self._carried)))
        self._columns = (*self._names, *self._carried)
        self._text_columns = contract.text_columns
        self._json = msgspec.json.Decoder(_body_type(self._columns))
        self._readers: Mapping[Form, Callable[[Sequence[Payload]], Table]] = {
            "json": self.json_table,
            "csv": self.csv_table,
            "arrow": self.arrow_table,
        }

    def decode(self, payloads: Sequence[Payload | None]) -> Batch:
        """Decode the requests of a block of events; one that was not captured counts as undecodable."""
        given = [payload or _NOTHING for payload in payloads]
        found = forms(given)
        tables = {
            form: self._readers[form]([payload for payload, one in zip(given, found, strict=True) if one == form])
            for form in set(found)
        }
        return Batch(by_form=tables, forms=found)

    def json_table(self, payloads: Sequence[Payload]) -> Table:
        """Decode JSON requests."""
        return _one_by_one(Table(), payloads, self._json_rows)

    def arrow_table(self, payloads: Sequence[Payload]) -> Table:
        """Decode Arrow streams; their cells have types, as JSON's do."""
        return _one_by_one(Table(), payloads, self._arrow_rows)

    def _json_rows(self, payload: Payload, table: Table) -> list[Row]:
        try:
            return [msgspec.structs.astuple(row) for row in self._json.decode(payload.text()).instances]
        except (*UNREADABLE, ValueError):
            return self._explained(payload, table)

    def _explained(self, payload: Payload, table: Table) -> list[Row]:
        """Read a body that has other columns than the contract, row by row."""
        try:
            body = msgspec.json.decode(payload.text())
            if "columns" in body:
                return self._from_columns(body["columns"], table)
            return [self._from_names(dict(row), table) for row in body["instances"]]
        except (*UNREADABLE, ValueError, TypeError, KeyError, AttributeError):
            table.undecodable += 1
            return []

    def _arrow_rows(self, payload: Payload, table: Table) -> list[Row]:
        try:
            rows, strangers = _read_arrow(payload.content(), self._columns)
        except ValueError:
            table.undecodable += 1
            return []
        table.extra += strangers * len(rows)
        return rows

    def _from_columns(self, columns: dict[str, list[Cell]], table: Table) -> list[Row]:
        names = list(columns)
        return [
            self._from_names(dict(zip(names, row, strict=True)), table) for row in zip(*columns.values(), strict=True)
        ]

    def _from_names(self, cells: dict[str, Cell], table: Table) -> Row:
        table.extra += cells.keys() - self._known
        return [cells.get(name, UNSET) for name in self._columns]

    def csv_table(self, payloads: Sequence[Payload]) -> Table:
        """Decode CSV requests, by one rule: in a block where no body can be read in two ways, else one by one."""
        bodies = _bodies(payloads)
        headers = _headers(payloads)
        if True not in headers:
            if found := read_plain(bodies, self._contract):
                return Table(columns=found.columns, lengths=found.lengths, textual=True, complete=True)
            if rows := self._one_row_each(bodies):
                return Table(rows=rows, lengths=[1] * len(rows), textual=True, complete=True)
        return _one_by_one(Table(textual=True), list(zip(bodies, headers, strict=True)), self._csv_rows)

    def _one_row_each(self, bodies: Sequence[str]) -> list[Row] | None:
        """Decode bodies of one whole row each in a single pass, or return None when that is not what they are.

        An open quote would swallow the next body, which makes the rows fewer than the bodies.
        """
        try:
            rows = read_rows(bodies)
        except csv.Error:
            return None
        whole = len(rows) == len(bodies) and set(map(len, rows)) == {len(self._names)}
        # A cell that is a feature's name may make its row a header.
        return list(rows) if whole and self._known.isdisjoint(map(str.strip, chain.from_iterable(rows))) else None

    def _csv_rows(self, told: tuple[str, bool | None], table: Table) -> list[Row]:
        body, header = told
        try:
            rows = read_rows(io.StringIO(body, newline=""))
        except csv.Error:
            rows = []
        if not rows:
            table.undecodable += 1
            return []
        names, rows = self._text_columns.split(rows, header=header)
        return [self._from_cells(names, row, table) for row in rows]

    def _from_cells(self, names: Sequence[str], row: list[str], table: Table) -> Row:
        """Name the cells; a row of another width than its header is read as far as both go."""
        if len(row) > len(names):
            table.extra.append(f"column {len(names) + 1}")
        return self._from_names(dict(zip(names, row, strict=False)), table)


def _one_by_one(table: Table, bodies: Iterable[T], read: Callable[[T, Table], list[Row]]) -> Table:
    """Add each body's rows to the table."""
    for body in bodies:
        rows = read(body, table)
        table.rows += rows
        table.lengths.append(len(rows))
    return table


def _bodies(payloads: Sequence[Payload]) -> list[str]:
    """Return bodies as text; one that is not what its encoding says is empty."""
    try:
        return texts(payloads)
    except ValueError:
        return list(map(_text, payloads))


def _headers(payloads: Sequence[Payload]) -> list[bool | None]:
    """Say what each content type tells about a line of names; there are few of them, and each is looked at once."""
    told = {payload.observedContentType: payload for payload in payloads}
    known = {kind: payload.header for kind, payload in told.items()}
    return [known[payload.observedContentType] for payload in payloads]


def _text(payload: Payload) -> str:
    try:
        return payload.text()
    except ValueError:
        return ""


def _body_type(columns: Sequence[str]) -> type[Any]:
    """Type a body of rows so that msgspec fills them by position and refuses what the contract lacks."""
    fields: list[Any] = [(f"c{index}", Any, UNSET) for index in range(len(columns))]
    rename = {f"c{index}": name for index, name in enumerate(columns)}
    row = msgspec.defstruct("Row", fields, rename=rename, forbid_unknown_fields=True, gc=False)
    return msgspec.defstruct("Body", [("instances", list[row])], gc=False)  # type: ignore[valid-type]


def _read_arrow(body: bytes, names: Sequence[str]) -> tuple[list[Sequence[Any]], list[str]]:
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
        rows, columns = stream.columns(set(names), max_rows=_MAX_ROWS)
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
