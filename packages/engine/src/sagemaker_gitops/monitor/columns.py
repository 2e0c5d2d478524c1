"""Arrow columns counted without making a Python object of any cell."""

import math

import numpy as np
import pyarrow as pa

from sagemaker_gitops.monitor.baseline import Baseline, CategoryBaseline, NumberBaseline
from sagemaker_gitops.monitor.distances import Values
from sagemaker_gitops.monitor.tally import CategoryTally, NumberTally, Tally


def count_column(name: str, column: pa.Array, tally: Tally, baseline: Baseline) -> None:
    """Count one feature's column, whatever type it came with."""
    if pa.types.is_null(column.type):
        (tally.numbers.get(name) or tally.categories[name]).missing += len(column)
    elif name in tally.numbers:
        _count_numbers(column, tally.numbers[name], baseline.numbers[name])
    else:
        _count_categories(column, tally.categories[name], baseline.categories[name])


def floats(column: pa.DoubleArray) -> Values:
    """Give a column as NumPy's numbers, missing ones as NaN."""
    # `to_numpy` would import pandas, which takes longer than counting a million rows.
    return np.asarray(np.from_dlpack(column.fill_null(math.nan) if column.null_count else column), np.float64)


def _count_numbers(column: pa.Array, tally: NumberTally, baseline: NumberBaseline) -> None:
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


def _count_categories(column: pa.Array, tally: CategoryTally, baseline: CategoryBaseline) -> None:
    if not pa.types.is_dictionary(column.type):
        column = (column if pa.types.is_string(column.type) else column.cast(pa.string())).dictionary_encode()
    indices = column.indices.drop_null() if column.null_count else column.indices
    counts = np.bincount(np.from_dlpack(indices), minlength=len(column.dictionary))
    names = map(str, column.dictionary.to_pylist())
    found = {name: int(count) for name, count in zip(names, counts, strict=False) if count}
    tally.missing += column.null_count + found.pop("", 0)
    tally.add(found, baseline)
