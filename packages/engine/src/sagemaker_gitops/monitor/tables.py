"""Rows in Parquet, a batch or a data version, counted as captured traffic is: in one pass, in bounded memory."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from sagemaker_gitops.errors import DataInvalid
from sagemaker_gitops.monitor.baseline import Baseline
from sagemaker_gitops.monitor.columns import count_column
from sagemaker_gitops.monitor.tally import Tally, added, empty_tally, merged_names

# Large enough for numpy to be busy, small enough that fifty million rows need no more memory than one.
BATCH_ROWS = 1 << 17


def read_tables(path: Path, baseline: Baseline) -> Tally:
    """Count the rows of a Parquet file, or of all below a folder."""
    files = sorted(path.rglob("*.parquet")) if path.is_dir() else [path]
    if not files:
        raise _refused("there is no Parquet file", path)
    tally = empty_tally(baseline)
    heads = [(file, _head(file)) for file in files]
    for _, head in heads:
        _count_head(head, baseline, tally)

    def count(name: str) -> None:
        for file, head in heads:
            _count_column(name, file, head, baseline, tally)

    # Columns side by side: each has counters of its own, and reading and counting both free the interpreter.
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(count, (*tally.numbers, *tally.categories)))
    return tally


def _head(path: Path) -> pq.FileMetaData:
    try:
        return pq.read_metadata(path)
    except (OSError, pa.ArrowException) as err:
        raise _refused(f"cannot be read: {err}", path) from err


def _names(head: pq.FileMetaData) -> Sequence[str]:
    return list(head.schema.to_arrow_schema().names)


def _count_head(head: pq.FileMetaData, baseline: Baseline, tally: Tally) -> None:
    reading, rows, present = tally.reading, head.num_rows, set(_names(head))
    known = set(baseline.contract.names)
    around = {baseline.contract.target, *baseline.contract.carried}
    reading.files += 1
    reading.rows += rows
    reading.events += rows
    reading.absent_columns = added(reading.absent_columns, dict.fromkeys(known - present, rows))
    reading.extra_columns = merged_names(reading.extra_columns, dict.fromkeys(present - known - around, rows))


def _count_column(name: str, path: Path, head: pq.FileMetaData, baseline: Baseline, tally: Tally) -> None:
    if name not in _names(head):
        count_column(name, pa.nulls(head.num_rows), tally, baseline)
        return
    try:
        with pq.ParquetFile(path, metadata=head, read_dictionary=[*baseline.categories], buffer_size=1 << 20) as file:
            for batch in file.iter_batches(BATCH_ROWS, columns=[name], use_threads=False):
                count_column(name, batch.column(0), tally, baseline)
    except (OSError, pa.ArrowException) as err:
        raise _refused(f"cannot be read: {err}", path) from err


def _refused(why: str, path: Path) -> DataInvalid:
    return DataInvalid(
        why, where=str(path), next_step="give a Parquet file, or a folder of them, with the schema's columns"
    )
