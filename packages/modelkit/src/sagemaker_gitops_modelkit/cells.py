"""What the rows, headers and cells of a table mean: one rule for training, gates, server and whoever reads captures."""

import csv
import math
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass

# Written instead of a value by programs that have none; in any case of letters, with or without blanks around it.
MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "none", "null"})
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")


def read_number(text: str) -> float | None:
    """Return the finite number that a cell holds, or None where it is missing; ValueError where it is neither."""
    bare = text.strip()
    if bare.lower() in MISSING_WORDS:
        return None
    number = float(bare) if _NUMBER.fullmatch(bare) else math.nan
    if not math.isfinite(number):
        raise ValueError(f"{text!r} is not a finite number")
    return number


def read_numbers(cells: Sequence[str]) -> list[float] | None:
    """Read many cells at once, or return None where one of them has to be looked at by itself."""
    try:
        numbers = list(map(float, cells))
    except ValueError:
        return None
    # Python's `float` takes more than a number of a table: 1_000, digits of other scripts, infinity.
    together = "".join(cells)
    plain = together.isascii() and "_" not in together and all(map(math.isfinite, numbers))
    return numbers if plain else None


def read_category(text: str, listed: Collection[str], *, optional: bool) -> str | None:
    """Return the category that a cell holds, or None where it is missing.

    What schema.json lists is a category, whatever it is called. A word for nothing is one only where it is listed,
    or where the column must not miss a value. Blanks around a category are not part of it.
    """
    if text in listed:
        return text
    bare = text.strip()
    if bare in listed:
        return bare
    return None if not bare or (optional and bare.lower() in MISSING_WORDS) else bare


def read_rows(lines: Iterable[str]) -> list[list[str]]:
    """Return the rows of CSV (RFC 4180) that are not empty; csv.Error where a quote is out of place."""
    return [row for row in csv.reader(lines, strict=True, skipinitialspace=True) if row]


@dataclass(frozen=True, kw_only=True)
class Columns:
    """What a table's columns are called: features in the schema's order, those of numbers, and others around them."""

    names: tuple[str, ...]
    numbers: frozenset[str]
    around: frozenset[str] = frozenset()

    def split(self, rows: list[list[str]], *, header: bool | None = None) -> tuple[tuple[str, ...], list[list[str]]]:
        """Return the columns' names and the rows below them; `header` None looks at the first row."""
        if rows and (header or (header is None and self.is_header(rows[0]))):
            return tuple(cell.strip() for cell in rows[0]), rows[1:]
        return self.names, rows

    def is_header(self, cells: Sequence[str]) -> bool:
        """Tell whether a row's cells are names: each of a column of its own, or one of a feature in what is no row."""
        bare = [cell.strip() for cell in cells]
        found = set(bare)
        if found.isdisjoint(self.names):
            return False
        if len(found) == len(bare) and found <= self.around.union(self.names):
            return True
        if len(bare) != len(self.names):
            return not any(map(_is_number, bare))
        # A category may have a feature's name, but text where a number belongs is a name, if a misspelt one.
        return any(name in self.numbers and not _fits_number(cell) for name, cell in zip(self.names, bare, strict=True))


def _is_number(cell: str) -> bool:
    return _fits_number(cell) and cell.lower() not in MISSING_WORDS


def _fits_number(cell: str) -> bool:
    try:
        read_number(cell)
    except ValueError:
        return False
    return True


def media_type(value: str) -> tuple[str, Mapping[str, str]]:
    """Split a media type from its parameters, names in lower case (RFC 9110, 8.3.1)."""
    kind, *parameters = value.split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return kind.strip().lower(), {name.strip().lower(): text.strip(' "') for name, _, text in pairs}


def told_header(parameters: Mapping[str, str]) -> bool | None:
    """Return what text/csv's parameter `header` says (RFC 4180), or None where it says nothing."""
    return {"present": True, "absent": False}.get(parameters.get("header", "").lower())
