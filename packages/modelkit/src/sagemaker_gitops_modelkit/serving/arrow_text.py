"""Arrow's layouts of text as places among the distinct values, found by sorting instead of row by row."""

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from sagemaker_gitops_modelkit.serving.arrow_metadata import Malformed

Array = npt.NDArray[Any]
Mask = npt.NDArray[np.bool_]

# Longer texts are cut here: no value that a model takes is as long, and the rest of one would only cost memory.
MAX_BYTES = 1028
FEW = 8


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """A column of text: each row's place among the distinct values; -1 is missing."""

    codes: npt.NDArray[np.int64]
    values: Sequence[str]


def from_offsets(offsets: Array, data: Array, valid: Mask) -> Texts:
    """Read texts that lie one after the other."""
    lengths = np.diff(offsets)
    if len(lengths) and (offsets[0] < 0 or (lengths < 0).any() or offsets[-1] > len(data)):
        raise Malformed("the offsets of a text column do not lie one after the other within its data")
    codes, values = np.full(len(lengths), -1, np.int64), list[str]()
    short = valid & (lengths < 8)
    for rows, found, places in (
        _short(data, offsets[:-1], lengths, short),
        *(_long(data, offsets, length, rows) for length, rows in _by_length(lengths, valid & ~short)),
    ):
        codes[rows] = places + len(values)
        values += found
    return joined_texts([Texts(codes=codes, values=values)])


def from_views(views: Array, buffers: Sequence[memoryview], valid: Mask, *, most: int) -> Texts:
    """Read texts that hold themselves or point to where they lie: each distinct one once, `most` bytes in all."""
    found, places = _numbered(views[valid])
    lengths = found.view("<i4").reshape(-1, 4)[:, 0]
    if len(lengths) and (lengths.min() < 0 or lengths.sum(dtype=np.int64) > most):
        raise Malformed("the views of a text column hold more than the body does")
    codes = np.full(len(views), -1, np.int64)
    codes[valid] = places
    return joined_texts([Texts(codes=codes, values=[_viewed(view.tobytes(), buffers) for view in found])])


def looked_up(indices: Array, known: Texts, valid: Mask) -> Texts:
    """Read texts that are places in a dictionary."""
    count = len(known.codes)
    if not ((indices >= 0) & (indices < count))[valid].all():
        raise Malformed(f"an index beyond a dictionary of {count} values")
    # A missing row's index may be anything.
    places = np.where(valid, indices, count).astype(np.int64)
    return Texts(codes=np.append(known.codes, -1)[places], values=known.values)


def joined_texts(parts: Sequence[Texts]) -> Texts:
    """Put columns below each other, with one list of distinct values."""
    places: dict[str, int] = {}
    codes, values, renumbered = [np.empty(0, np.int64)], None, np.array([-1])
    for part in parts:
        if part.values is not values:  # batches mostly share a dictionary
            values = part.values
            renumbered = np.array([*(places.setdefault(value, len(places)) for value in values), -1])
        codes.append(renumbered[part.codes])
    return Texts(codes=np.concatenate(codes), values=tuple(places))


# Rows, the distinct texts in them, and the place of each row's among those.
_Found = tuple[Array, list[str], Array]


def _short(data: Array, starts: Array, lengths: Array, which: Mask) -> _Found:
    """Pack each text and its length into one number: numbers sort many times faster than bytes."""
    rows = np.flatnonzero(which)
    padded = np.append(data, np.zeros(8, np.uint8))
    eight = np.lib.stride_tricks.sliding_window_view(padded, 8)[starts[rows]].view("<u8")[:, 0]
    bits = lengths[rows].astype(np.uint64) * np.uint64(8)
    packed = eight & ((np.uint64(1) << bits) - np.uint64(1)) | (bits << np.uint64(53))
    found, places = _numbered(packed)
    return rows, [_decoded(text.tobytes()[: text[7]]) for text in found.view(np.uint8).reshape(-1, 8)], places


def _long(data: Array, offsets: Array, length: int, rows: Array) -> _Found:
    """Compare texts of one length as bytes."""
    size = min(length, MAX_BYTES)
    texts = np.lib.stride_tricks.sliding_window_view(data, size)[offsets[rows]]
    found, places = _numbered(texts.view(f"V{size}")[:, 0])
    return rows, [_decoded(text.tobytes()) for text in found], places


def _numbered(keys: Array) -> tuple[Array, Array]:
    """Give the distinct keys numbers: the first few by comparing, which beats sorting, the others by sorting."""
    places, rest, found = np.empty(len(keys), np.int64), np.arange(len(keys)), list[Array]()
    while len(rest) and len(found) < FEW:
        same = keys[rest] == keys[rest[0]]
        places[rest[same]] = len(found)
        found.append(keys[rest[:1]])
        rest = rest[~same]
    others, numbers = np.unique(keys[rest], return_inverse=True)
    places[rest] = numbers + len(found)
    return np.concatenate([*found, others]), places


def _by_length(lengths: Array, which: Mask) -> Iterator[tuple[int, Array]]:
    rows = np.flatnonzero(which)
    rows = rows[np.argsort(lengths[rows], kind="stable")]
    found, first = np.unique(lengths[rows], return_index=True)
    yield from zip(found.tolist(), np.split(rows, first[1:]), strict=False)


def _viewed(view: bytes, buffers: Sequence[memoryview]) -> str:
    length = int.from_bytes(view[:4], "little")
    if length <= 12:
        return _decoded(view[4 : 4 + length])
    number, start = int.from_bytes(view[8:12], "little"), int.from_bytes(view[12:], "little")
    if number >= len(buffers) or start + length > len(buffers[number]):
        raise Malformed("a view of a text column lies beyond its buffers")
    return _decoded(bytes(buffers[number][start : start + min(length, MAX_BYTES)]))


def _decoded(text: bytes) -> str:
    """Decode; a text that was cut may end within a character."""
    try:
        return text.decode(errors="strict" if len(text) < MAX_BYTES else "replace")
    except UnicodeDecodeError as error:
        raise Malformed(f"a text column is not UTF-8: {error.reason}") from error
