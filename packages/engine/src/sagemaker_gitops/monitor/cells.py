"""Columns of raw cells as numbers and categories; what is neither is counted as invalid."""

import math
from collections import Counter
from collections.abc import Sequence
from itertools import chain, repeat

import numpy as np

from sagemaker_gitops.monitor.distances import Values
from sagemaker_gitops.monitor.payloads import Cell, is_missing

_NUMERIC = frozenset({int, float})
_NUMERIC_OR_NULL = _NUMERIC | {type(None)}


def to_numbers(cells: Sequence[Cell], *, textual: bool) -> tuple[Values, int]:
    """Convert cells to floats, NaN where one is missing; return them and the count of invalid ones."""
    try:
        if textual:
            values = np.fromiter(map(float, cells), dtype=np.float64, count=len(cells))
            return (values, 0) if np.isfinite(values).all() else _each(cells, textual=textual)
        if _NUMERIC_OR_NULL.issuperset(map(type, cells)):
            return np.array(cells, dtype=np.float64), 0
    except (ValueError, OverflowError, TypeError):
        pass  # some cell is no number: look at each
    return _each(cells, textual=textual)


def _each(cells: Sequence[Cell], *, textual: bool) -> tuple[Values, int]:
    numbers, missing, invalid = [], 0, 0
    for cell in cells:
        if is_missing(cell):
            missing += 1
        elif (number := _number(cell, textual=textual)) is None:
            invalid += 1
        else:
            numbers.append(number)
    return np.fromiter(chain(numbers, repeat(np.nan, missing)), dtype=np.float64), invalid


def _number(cell: Cell, *, textual: bool) -> float | None:
    if not textual and type(cell) not in _NUMERIC:
        return None
    try:
        number = float(cell)
    except (ValueError, OverflowError):
        return None
    return number if math.isfinite(number) else None


def to_categories(cells: Sequence[Cell]) -> tuple[dict[str, int], int, int]:
    """Count cells by category; return the counts and how many cells are missing and invalid."""
    try:
        counts: Counter[Cell] = Counter(cells)
    except TypeError:
        counts = Counter(cell if isinstance(cell, str) or is_missing(cell) else 0 for cell in cells)
    known = {cell: count for cell, count in counts.items() if isinstance(cell, str) and cell}
    missing = sum(count for cell, count in counts.items() if is_missing(cell))
    return known, missing, counts.total() - missing - sum(known.values())
