"""What a row and a header of CSV (RFC 4180) are: one rule for the server and for whoever reads captured requests."""

import csv
from collections.abc import Collection, Iterable, Sequence


def read_rows(lines: Iterable[str]) -> list[list[str]]:
    """Return the rows that are not empty; csv.Error where a quote is out of place."""
    return [row for row in csv.reader(lines, strict=True, skipinitialspace=True) if row]


def is_header(cells: Sequence[str], names: Collection[str]) -> bool:
    """Tell whether a line names at least one feature and holds no number."""
    return not set(cells).isdisjoint(names) and not any(map(_is_number, cells))


def _is_number(cell: str) -> bool:
    try:
        float(cell)
    except ValueError:
        return False
    return True
