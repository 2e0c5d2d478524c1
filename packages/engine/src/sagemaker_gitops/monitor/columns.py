"""Columns of cells, counted: which cell is a number, which a category, which is missing, and which is invalid."""
# ruff: noqa: PLC0415  a processing job counts cells where pyarrow is not installed

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import numpy as np
from msgspec import UNSET
from sagemaker_gitops_modelkit.cells import read_category, read_number, read_numbers

from sagemaker_gitops.monitor.baseline import Baseline, CategoryBaseline, NumberBaseline
from sagemaker_gitops.monitor.statistics import Values
from sagemaker_gitops.monitor.tally import CategoryTally, NumberTally, Tally

if TYPE_CHECKING:
    import pyarrow as pa

# A cell as it came: text from CSV, any JSON value from JSON, None where there was nothing.
Cell = Any

_NUMERIC = frozenset({int, float})
_NUMERIC_OR_NULL = _NUMERIC | {type(None)}


def count_cells(name: str, cells: Sequence[Cell], tally: Tally, baseline: Baseline, *, textual: bool) -> None:
    """Count one feature's cells; `textual` ones are CSV's, where a number is text."""
    if number := tally.numbers.get(name):
        values, invalid = to_numbers(cells, textual=textual)
        number.add(values, baseline.numbers[name])
        number.invalid += invalid
    else:
        category = tally.categories[name]
        texts, missing, invalid = to_categories(cells)
        category.missing += missing
        category.invalid += invalid
        _add_categories(texts, category, baseline.categories[name])


def _add_categories(texts: Mapping[str, int], tally: CategoryTally, baseline: CategoryBaseline) -> None:
    """Count texts as the categories that they mean to the server."""
    found: Counter[str] = Counter()
    for text, count in texts.items():
        category = read_category(text, baseline.categories, optional=baseline.feature.missing == "impute")
        if category is None:
            tally.missing += count
        else:
            found[category] += count
    tally.add(found, baseline)


def is_missing(cell: Cell) -> bool:
    """Tell whether a cell holds nothing: null, left out, or empty text."""
    return cell is None or cell is UNSET or cell == ""


def group_name(cell: Cell) -> str:
    """Return the group that a cell of the protected attribute names, or nothing where it names none."""
    if is_missing(cell):
        return ""
    return read_category(str(cell), (), optional=True) or ""


def to_numbers(cells: Sequence[Cell], *, textual: bool) -> tuple[Values, int]:
    """Convert cells to floats, NaN where one is missing; return them and the count of invalid ones."""
    try:
        if textual:
            numbers = read_numbers(cells)
            return _each(cells, textual=True) if numbers is None else (np.array(numbers, dtype=np.float64), 0)
        if _NUMERIC_OR_NULL.issuperset(map(type, cells)):
            return np.array(cells, dtype=np.float64), 0
    except (OverflowError, TypeError):
        pass  # some cell is no number: look at each
    return _each(cells, textual=textual)


def _each(cells: Sequence[Cell], *, textual: bool) -> tuple[Values, int]:
    numbers, missing, invalid = [], 0, 0
    for cell in cells:
        try:
            number = None if is_missing(cell) else _number(cell, textual=textual)
        except (ValueError, OverflowError):
            invalid += 1
            continue
        if number is None:
            missing += 1
        else:
            numbers.append(number)
    return np.fromiter(chain(numbers, repeat(np.nan, missing)), dtype=np.float64), invalid


def _number(cell: Cell, *, textual: bool) -> float | None:
    if textual:
        return read_number(cell)
    number = float(cell) if type(cell) in _NUMERIC else math.nan
    if not math.isfinite(number):
        raise ValueError("JSON and Arrow have numbers for numbers")
    return number


def to_categories(cells: Sequence[Cell]) -> tuple[dict[str, int], int, int]:
    """Count cells by category; return the counts and how many cells are missing and invalid."""
    try:
        counts: Counter[Cell] = Counter(cells)
    except TypeError:
        counts = Counter(cell if isinstance(cell, str) or is_missing(cell) else 0 for cell in cells)
    known = {cell: count for cell, count in counts.items() if isinstance(cell, str) and cell}
    missing = sum(count for cell, count in counts.items() if is_missing(cell))
    return known, missing, counts.total() - missing - sum(known.values())


def count_column(name: str, column: "pa.Array", tally: Tally, baseline: Baseline) -> None:
    """Count one feature's Arrow column, whatever type it came with."""
    import pyarrow as pa

    if pa.types.is_null(column.type):
        (tally.numbers.get(name) or tally.categories[name]).missing += len(column)
    elif name in tally.numbers:
        _count_numbers(column, tally.numbers[name], baseline.numbers[name])
    else:
        _count_categories(column, tally.categories[name], baseline.categories[name])


def floats(column: "pa.DoubleArray") -> Values:
    """Give a column as NumPy's numbers, missing ones as NaN."""
    # `to_numpy` would import pandas, which takes longer than counting a million rows.
    return np.asarray(np.from_dlpack(column.fill_null(math.nan) if column.null_count else column), np.float64)


def _count_numbers(column: "pa.Array", tally: NumberTally, baseline: NumberBaseline) -> None:
    import pyarrow as pa

    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind)):
        tally.missing += column.null_count
        tally.invalid += len(column) - column.null_count
        return
    numbers = column if pa.types.is_float64(kind) else column.cast(pa.float64(), safe=False)
    values = floats(numbers)
    infinite = np.isinf(values)
    if infinite.any():
        tally.invalid += int(infinite.sum())
        values = values[~infinite]
    tally.add(values, baseline)


def _count_categories(column: "pa.Array", tally: CategoryTally, baseline: CategoryBaseline) -> None:
    import pyarrow as pa

    if not pa.types.is_dictionary(column.type):
        column = (column if pa.types.is_string(column.type) else column.cast(pa.string())).dictionary_encode()
    indices = column.indices.drop_null() if column.null_count else column.indices
    counts = np.bincount(np.from_dlpack(indices), minlength=len(column.dictionary))
    names = map(str, column.dictionary.to_pylist())
    found = {name: int(count) for name, count in zip(names, counts, strict=False) if count}
    tally.missing += column.null_count
    _add_categories(found, tally, baseline)
