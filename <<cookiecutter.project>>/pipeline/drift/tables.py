"""Rows in Parquet, a batch or a data version, counted as captured traffic is: in one pass, in bounded memory."""

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipeline.drift.baseline import Baseline, CategoryBaseline, NumberBaseline
from pipeline.drift.tally import CategoryTally, NumberTally, Tally, added, empty_tally
from pipeline.errors import DataInvalid

# Large enough for numpy to be busy, small enough that fifty million rows need no more memory than one.
BATCH_ROWS = 1 << 17


def read_tables(path: Path, baseline: Baseline) -> Tally:
    """Count the rows of a Parquet file, or of all below a folder."""
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise _refused("there is no Parquet file", path)
    tally = empty_tally(baseline)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for file in files:
            _read(file, baseline, tally, pool)
    return tally


def _read(path: Path, baseline: Baseline, tally: Tally, pool: Executor) -> None:
    reading = tally.reading
    reading.files += 1
    try:
        with pq.ParquetFile(path, read_dictionary=list(baseline.categories), buffer_size=1 << 20) as file:
            known = [name for name in baseline.contract.names if name in file.schema_arrow.names]
            strangers = set(file.schema_arrow.names) - set(known) - _around(baseline)
            reading.extra_columns = added(reading.extra_columns, dict.fromkeys(strangers, file.metadata.num_rows))
            for batch in file.iter_batches(BATCH_ROWS, columns=known):
                count_batch(batch, baseline, tally, pool)
    except (OSError, pa.ArrowException) as err:
        raise _refused(f"cannot be read: {err}", path) from err


def count_batch(batch: pa.RecordBatch, baseline: Baseline, tally: Tally, pool: Executor) -> None:
    """Count one batch, its columns side by side: each has counters of its own, and numpy frees the interpreter."""
    tally.reading.rows += batch.num_rows
    tally.reading.events += batch.num_rows
    present = set(batch.schema.names)
    for name in baseline.contract.names:
        if name not in present:
            tally.reading.absent_columns = added(tally.reading.absent_columns, {name: batch.num_rows})

    def count(name: str) -> None:
        column = batch.column(name) if name in present else pa.nulls(batch.num_rows)
        if name in tally.numbers:
            _count_numbers(column, tally.numbers[name], baseline.numbers[name])
        else:
            _count_categories(column, tally.categories[name], baseline.categories[name])

    list(pool.map(count, baseline.contract.names))


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


def _around(baseline: Baseline) -> set[str]:
    return {baseline.contract.target, *baseline.contract.carried}


def _refused(why: str, path: Path) -> DataInvalid:
    return DataInvalid(
        why, where=str(path), next_step="give a Parquet file, or a folder of them, with the schema's columns"
    )
