"""The messages of an Arrow IPC stream, read from their flatbuffers; every offset is checked against the body.

Source: apache/arrow, format/Message.fbs and format/Schema.fbs.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
from flatbuffers import number_types as types
from flatbuffers.table import Table

END_OF_STREAM, CONTINUATION = 0, 0xFFFFFFFF
SCHEMA, DICTIONARY, BATCH = 1, 2, 3
# What a hostile flatbuffer makes the library raise.
UNREADABLE = (struct.error, TypeError, ValueError, IndexError, AssertionError, OverflowError)
MAX_COLUMNS = 1000
MAX_NAME = 1000

TYPES = (
    *("none", "null", "int", "float", "binary", "text", "bool", "decimal", "date", "time", "timestamp", "interval"),
    *("list", "struct", "union", "fixed-size binary", "fixed-size list", "map", "duration", "large binary"),
    *("large text", "large list", "run-end encoded", "binary view", "text view", "list view", "large list view"),
)
FLOATS = ("<f2", "<f4", "<f8")


class Malformed(Exception):
    """The bytes are no Arrow IPC stream, or one that this reader does not take."""


class Field(msgspec.Struct, frozen=True, kw_only=True):
    """One column: its type, the numpy type of its numbers, and of its codes where it has a dictionary."""

    name: str
    type: str
    number: str | None = None
    dictionary: int = 0
    codes: str | None = None


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message: what its flatbuffer says, and the buffers that follow it."""

    kind: int
    header: "Node"
    body: memoryview


class Layout(msgspec.Struct, frozen=True, kw_only=True):
    """A batch: its rows, each column's rows, where each buffer lies, and how many data buffers each view has."""

    rows: int
    nodes: npt.NDArray[np.int64]
    buffers: npt.NDArray[np.int64]
    variadic: npt.NDArray[np.int64]


class Node:
    """A flatbuffer's table; fields are numbered as the format's definition lists them."""

    def __init__(self, data: memoryview, position: int) -> None:
        self._data = data
        self._table = Table(data, position)

    @classmethod
    def root(cls, data: memoryview) -> "Node":
        """Return the table that a flatbuffer begins with."""
        return cls(data, struct.unpack_from("<I", data)[0])

    def number(self, field: int, flags: Any, default: int = 0) -> int:
        """Return a number, or its default where it is left out."""
        place = self._place(field)
        return int(self._table.Get(flags, place)) if place else default

    def text(self, field: int) -> str:
        """Return a string; the library would copy one of any length, as often as it is referred to."""
        if not (place := self._place(field)):
            return ""
        start = self._table.Indirect(place)
        length = self._table.Get(types.Uint32Flags, start)
        if length > MAX_NAME:
            raise Malformed(f"a column's name has {length} bytes, more than {MAX_NAME}")
        return bytes(self._data[start + 4 : start + 4 + length]).decode()

    def node(self, field: int) -> "Node | None":
        """Return a table within this one."""
        place = self._place(field)
        return Node(self._data, self._table.Indirect(place)) if place else None

    def nodes(self, field: int, *, most: int) -> "list[Node]":
        """Return a list of tables."""
        place = self._offset(field)
        count = self._table.VectorLen(place) if place else 0
        if count > most:
            raise Malformed(f"{count} columns, more than {most}")
        start = self._table.Vector(place) if place else 0
        return [Node(self._data, self._table.Indirect(start + 4 * index)) for index in range(count)]

    def numbers(self, field: int, *, width: int) -> npt.NDArray[np.int64]:
        """Return a list of structs of `width` 64-bit numbers."""
        place = self._offset(field)
        if not place:
            return np.empty((0, width), np.int64)
        count, start = self._table.VectorLen(place), self._table.Vector(place)
        return np.frombuffer(self._data, "<i8", count * width, start).reshape(count, width)

    def _offset(self, field: int) -> int:
        return int(self._table.Offset(4 + 2 * field))

    def _place(self, field: int) -> int:
        offset = self._offset(field)
        return offset + int(self._table.Pos) if offset else 0


@contextmanager
def _readable() -> Iterator[None]:
    """Say of a flatbuffer that points anywhere but to itself that it is malformed."""
    try:
        yield
    except UNREADABLE as error:
        raise Malformed("a message's metadata cannot be read") from error


def messages(body: memoryview) -> Iterator[Message]:
    """Split a stream into its messages; it must be whole."""
    place = 0
    while True:
        if len(body) < place + 8:
            raise Malformed("the stream ends before its end-of-stream marker")
        marker, size = struct.unpack_from("<II", body, place)
        if marker != CONTINUATION:
            raise Malformed(_what_else(body) if place == 0 else f"no message begins at byte {place}")
        place += 8
        if size == END_OF_STREAM:
            break
        header, place = _slice(body, place, size), place + size
        message = _message(header, body, place)
        yield message
        place += len(message.body)
    if place != len(body):
        raise Malformed(f"{len(body) - place} bytes follow the end of the stream")


@_readable()
def _message(metadata: memoryview, body: memoryview, place: int) -> Message:
    root = Node.root(metadata)
    content = _slice(body, place, root.number(3, types.Int64Flags))
    return Message(kind=root.number(1, types.Uint8Flags), header=_required(root, 2), body=content)


@_readable()
def fields(schema: Node) -> list[Field]:
    """Read the columns from a schema message."""
    if schema.number(0, types.Int16Flags):
        raise Malformed("numbers must be little-endian")
    return [_field(node) for node in schema.nodes(1, most=MAX_COLUMNS)]


@_readable()
def layout(batch: Node) -> Layout:
    """Read where a batch's columns lie."""
    if batch.node(3):
        raise Malformed("buffers must not be compressed")
    return Layout(
        rows=batch.number(0, types.Int64Flags),
        nodes=batch.numbers(1, width=2),
        buffers=batch.numbers(2, width=2),
        variadic=batch.numbers(4, width=1),
    )


@_readable()
def dictionary(batch: Node) -> tuple[int, bool, Layout]:
    """Read a dictionary's id, whether it continues the former one, and where its values lie."""
    return batch.number(0, types.Int64Flags), bool(batch.number(2, types.BoolFlags)), layout(_required(batch, 1))


def _field(node: Node) -> Field:
    number, kind = node.number(2, types.Uint8Flags), node.node(3)
    name = TYPES[number] if number < len(TYPES) else f"type {number}"
    encoding = node.node(4)
    return Field(
        name=node.text(0),
        type=name,
        number=_number_type(name, kind),
        dictionary=encoding.number(0, types.Int64Flags) if encoding else 0,
        codes=_integer(encoding.node(1)) if encoding else None,
    )


def _number_type(name: str, kind: Node | None) -> str | None:
    if name == "int":
        return _integer(kind)
    return FLOATS[kind.number(0, types.Int16Flags)] if name == "float" and kind else None


def _integer(kind: Node | None) -> str:
    if kind is None:
        return "<i4"
    width, signed = kind.number(0, types.Int32Flags), kind.number(1, types.BoolFlags)
    if width not in {8, 16, 32, 64}:
        raise Malformed(f"integers of {width} bits")
    return f"<{'i' if signed else 'u'}{width // 8}"


def _required(node: Node, field: int) -> Node:
    found = node.node(field)
    if found is None:
        raise Malformed("a message has no header")
    return found


def _slice(body: memoryview, start: int, length: int) -> memoryview:
    if length < 0 or start + length > len(body):
        raise Malformed(f"a message of {length} bytes at byte {start} ends beyond the body")
    return body[start : start + length]


def _what_else(body: memoryview) -> str:
    if bytes(body[:6]) == b"ARROW1":
        return "this is Arrow's file format; send the stream format"
    return "this is no Arrow IPC stream"
