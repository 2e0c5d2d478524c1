"""An Arrow IPC stream as columns of numpy arrays, without a library that a caller's bytes could crash.

It reads what tables of numbers and text need: integers, floats, and text in each of its layouts, with and without
dictionaries. Nothing is read row by row, and nothing is made that is much larger than the body.
"""

from collections.abc import Collection, Sequence

import msgspec
import numpy as np

from sagemaker_gitops_modelkit.serving import arrow_metadata
from sagemaker_gitops_modelkit.serving.arrow_metadata import Field, Layout, Malformed, Message
from sagemaker_gitops_modelkit.serving.arrow_text import (
    Array,
    Mask,
    Texts,
    from_offsets,
    from_views,
    joined_texts,
    looked_up,
)

# The types that are read, and those of text with the type of their offsets.
TEXTS = {"text": "<i4", "large text": "<i8", "text view": ""}
SCALARS = frozenset({"null", "bool", "int", "float", *TEXTS})
# Each costs as much as hundreds of rows.
MAX_BATCHES = 256
NO_TEXTS = Texts(codes=np.empty(0, np.int64), values=())


class TooManyRows(Exception):
    """The stream holds more rows than the reader was told to take."""


class Numbers(msgspec.Struct, frozen=True, kw_only=True):
    """A column of numbers in the type that they came in; those that are not valid are missing."""

    values: Array
    valid: Mask


class Stream:
    """One stream: its fields are known at once, its columns are read when they are asked for."""

    def __init__(self, body: bytes) -> None:
        self._size = len(body)
        self._messages = arrow_metadata.messages(memoryview(body))
        first = next(self._messages, None)
        if first is None or first.kind != arrow_metadata.SCHEMA:
            raise Malformed("the stream does not begin with a schema")
        self.fields = arrow_metadata.fields(first.header)
        self._dictionaries: dict[int, Texts] = {}

    def columns(self, wanted: Collection[str], *, max_rows: int) -> tuple[int, dict[str, Numbers | Texts]]:
        """Return the number of rows, and the columns that are wanted; every field's type must be a scalar."""
        rows, parts = 0, {field.name: list[Numbers | Texts]() for field in self.fields if field.name in wanted}
        for number, message in enumerate(self._messages):
            if number == MAX_BATCHES:
                raise Malformed(f"more than {MAX_BATCHES} batches; put more rows into each")
            if message.kind == arrow_metadata.DICTIONARY:
                self._keep_dictionary(message, max_rows=max_rows)
            elif message.kind == arrow_metadata.BATCH:
                rows += self._add_batch(message, parts, max_rows=max_rows - rows)
            else:
                raise Malformed(f"a message of kind {message.kind} within the stream")
        return rows, {name: _joined(chunks) for name, chunks in parts.items()}

    def _add_batch(self, message: Message, parts: dict[str, list[Numbers | Texts]], *, max_rows: int) -> int:
        layout = arrow_metadata.layout(message.header)
        _check_rows(layout.rows, max_rows)
        place, views = 0, iter(layout.variadic[:, 0].tolist())
        for number, field in enumerate(self.fields):
            count = _buffer_count(field, next(views, 0) if field.type == "text view" and not field.codes else 0)
            if field.name in parts:
                _check_node(field, layout, number)
                buffers = _Buffers(message.body, layout, place, count)
                parts[field.name].append(self._column(field, buffers, layout.rows))
            place += count
        return layout.rows

    def _column(self, field: Field, buffers: "_Buffers", rows: int) -> Numbers | Texts:
        if field.codes:
            known = self._dictionaries.get(field.dictionary) or NO_TEXTS
            return looked_up(buffers.array(1, field.codes, rows), known, buffers.valid(rows))
        if field.type == "null":
            return Texts(codes=np.full(rows, -1), values=())
        if field.number:
            return Numbers(values=buffers.array(1, field.number, rows), valid=buffers.valid(rows))
        return self._texts(field.type, buffers, rows)

    def _texts(self, kind: str, buffers: "_Buffers", rows: int) -> Texts:
        valid = buffers.valid(rows)
        if kind == "text view":
            return from_views(buffers.array(1, "V16", rows), buffers.rest(2), valid, most=self._size)
        offsets = buffers.array(1, TEXTS[kind], rows + 1) if rows else np.zeros(1, np.int64)
        return from_offsets(offsets, buffers.array(2, "u1", None), valid)

    def _keep_dictionary(self, message: Message, *, max_rows: int) -> None:
        number, continued, layout = arrow_metadata.dictionary(message.header)
        field = next((field for field in self.fields if field.codes and field.dictionary == number), None)
        if field is None or field.type not in TEXTS:
            raise Malformed(f"a dictionary {number} that no column of text has")
        former = self._dictionaries.get(number) if continued else None
        _check_rows(layout.rows, max_rows - (len(former.codes) if former else 0))
        values = self._texts(field.type, _Buffers(message.body, layout, 0, len(layout.buffers)), layout.rows)
        self._dictionaries[number] = joined_texts([former, values]) if former else values


class _Buffers:
    """The buffers of one column of a batch; each is checked against the batch's body before it is looked at."""

    def __init__(self, body: memoryview, layout: Layout, first: int, count: int) -> None:
        if first + count > len(layout.buffers):
            raise Malformed("a batch has fewer buffers than its columns need")
        self._body = body
        self._places = layout.buffers[first : first + count].tolist()

    def array(self, number: int, kind: str, length: int | None) -> Array:
        """Return a buffer as `length` values, or as all that it holds."""
        data, item = self._buffer(number), np.dtype(kind)
        count = len(data) // item.itemsize if length is None else length
        if count * item.itemsize > len(data):
            raise Malformed(f"a buffer of {len(data)} bytes is too short for {count} values")
        return np.frombuffer(data, item, count)

    def valid(self, rows: int) -> Mask:
        """Tell which rows hold a value."""
        bits = self.array(0, "u1", None)
        if not len(bits):
            return np.ones(rows, np.bool_)
        if len(bits) * 8 < rows:
            raise Malformed(f"a validity bitmap of {len(bits)} bytes is too short for {rows} rows")
        return np.unpackbits(bits, count=rows, bitorder="little").view(np.bool_)

    def rest(self, first: int) -> list[memoryview]:
        """Return all buffers from one on."""
        return [self._buffer(number) for number in range(first, len(self._places))]

    def _buffer(self, number: int) -> memoryview:
        if number >= len(self._places):
            raise Malformed("a batch has fewer buffers than its columns need")
        start, length = self._places[number]
        if start < 0 or length < 0 or start + length > len(self._body):
            raise Malformed(f"a buffer of {length} bytes at byte {start} lies beyond its batch")
        return self._body[start : start + length]


def _joined(parts: Sequence[Numbers | Texts]) -> Numbers | Texts:
    """Put the parts of one column below each other."""
    numbers = [part for part in parts if isinstance(part, Numbers)]
    if not numbers:
        return joined_texts([part for part in parts if isinstance(part, Texts)])
    values, valid = [part.values for part in numbers], [part.valid for part in numbers]
    return Numbers(values=np.concatenate(values), valid=np.concatenate(valid))


def _buffer_count(field: Field, views: int) -> int:
    if views < 0:
        raise Malformed(f"column {field.name} has {views} buffers of text")
    if field.codes or field.type not in {"null", "text", "large text"}:
        return 2 + views
    return 0 if field.type == "null" else 3


def _check_rows(rows: int, most: int) -> None:
    if rows < 0:
        raise Malformed(f"a batch of {rows} rows")
    if rows > most:
        raise TooManyRows


def _check_node(field: Field, layout: Layout, number: int) -> None:
    if number >= len(layout.nodes) or layout.nodes[number, 0] != layout.rows:
        raise Malformed(f"column {field.name} does not have the {layout.rows} rows of its batch")
