"""Arrow columns counted without making a Python object of any cell."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.drift.baseline import Baseline, CategoryBaseline, NumberBaseline
from pipeline.drift.tally import CategoryTally, NumberTally, Tally


def count_column(name: str, column: pa.Array, tally: Tally, baseline: Baseline) -> None:
    """Count one feature's column, whatever type it came with."""
    if name in tally.numbers:
        _count_numbers(column, tally.numbers[name], baseline.numbers[name])
    else:
        _count_categories(column, tally.categories[name], baseline.categories[name])


def _count_numbers(column: pa.Array, tally: NumberTally, baseline: NumberBaseline) -> None:
    kind = column.type
    if not (pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_null(kind)):
        tally.missing += column.null_count
        tally.invalid += len(column) - column.null_count
        return
    numbers = column if pa.types.is_float64(kind) else column.cast(pa.float64(), safe=False)
    values = numbers.to_numpy(zero_copy_only=False)
    infinite = np.isinf(values)
    if infinite.any():
        tally.invalid += int(infinite.sum())
        values = values[~infinite]
    tally.add(values, baseline)


def _count_categories(column: pa.Array, tally: CategoryTally, baseline: CategoryBaseline) -> None:
    if pa.types.is_null(column.type):
        tally.missing += len(column)
        return
    if not pa.types.is_dictionary(column.type):
        column = (column if pa.types.is_string(column.type) else pc.cast(column, pa.string())).dictionary_encode()
    codes = column.indices.fill_null(len(column.dictionary)).to_numpy(zero_copy_only=False)
    counts = np.bincount(codes, minlength=len(column.dictionary) + 1)
    names = map(str, column.dictionary.to_pylist())
    found = {name: int(count) for name, count in zip(names, counts, strict=False) if count}
    tally.missing += column.null_count + found.pop("", 0)
    tally.add(found, baseline)
