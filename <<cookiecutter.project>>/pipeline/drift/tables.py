"""Rows in Parquet, a batch or a data version, counted as captured traffic is: in one pass, in bounded memory."""

import os
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline.drift.baseline import Baseline
from pipeline.drift.columns import count_column
from pipeline.drift.tally import Tally, added, empty_tally
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
        count_column(name, column, tally, baseline)

    list(pool.map(count, baseline.contract.names))


def _around(baseline: Baseline) -> set[str]:
    return {baseline.contract.target, *baseline.contract.carried}


def _refused(why: str, path: Path) -> DataInvalid:
    return DataInvalid(
        why, where=str(path), next_step="give a Parquet file, or a folder of them, with the schema's columns"
    )
