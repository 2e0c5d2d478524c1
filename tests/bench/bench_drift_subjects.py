"""What bench_drift.py runs: each subject in a process of its own, so imports are inside and count."""
# ruff: noqa: PLC0415

import json
import sys
from pathlib import Path
from typing import Any

NUMBERS = [f"n{index}" for index in range(6)]
CATEGORIES = {f"c{index}": 2 + 2 * index for index in range(8)}
CHUNK = 1_000_000
# The baseline is made of the first million; the rest is there for Evidently, which has no memory for more than this.
REFERENCE_ROWS = 10_000_000


def generate(folder: Path, rows: int) -> None:
    """Write a reference and a window of synthetic rows, and the baseline that training would make of the first."""
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq

    for seed, name in enumerate(("reference", "window")):
        rng = np.random.default_rng(seed)
        kinds = [(n, pa.float64()) for n in NUMBERS] + [(n, pa.string()) for n in CATEGORIES]
        writer = pq.ParquetWriter(folder / f"{name}.parquet", pa.schema(kinds))
        wanted = rows if name == "window" else min(rows, REFERENCE_ROWS)
        for start in range(0, wanted, CHUNK):
            count = min(CHUNK, wanted - start)
            columns = {n: rng.gamma(2 + place, 1 + 0.05 * seed, count).round(4) for place, n in enumerate(NUMBERS)}
            for category, size in CATEGORIES.items():
                names = pa.array([f"value {index}" for index in range(size)])
                codes = rng.integers(0, size, count).astype(np.int32)
                columns[category] = pa.DictionaryArray.from_arrays(codes, names).cast(pa.string())
            table = pa.table(columns)
            writer.write_table(table)
        writer.close()
    _write_baseline(folder)


def ours(folder: Path, _rows: int) -> None:
    """Judge the window against the saved baseline, as the monitor does."""
    from sagemaker_gitops.monitor.baseline import FILES, read_baseline
    from sagemaker_gitops.monitor.tables import read_tables
    from sagemaker_gitops.monitor.verdict import evaluate
    from sagemaker_gitops.project.monitor_config import MonitorConfig

    baseline = read_baseline({name: (folder / name).read_bytes() for name in FILES}, where=str(folder))
    verdict = evaluate(baseline, read_tables(folder / "window.parquet", baseline), MonitorConfig())
    assert len(verdict.distances) == len(NUMBERS) + len(CATEGORIES)


def ours_both_windows(folder: Path, rows: int) -> None:
    """Make the baseline from the reference rows first, then judge the window."""
    _write_baseline(folder)
    ours(folder, rows)


def read(folder: Path, _rows: int) -> None:
    """Read the window's columns with pyarrow, text as dictionaries, and do nothing with them."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(folder / "window.parquet", read_dictionary=list(CATEGORIES)) as file:
        for batch in file.iter_batches(1 << 17):
            assert batch.num_columns == len(NUMBERS) + len(CATEGORIES)


def polars_read(folder: Path, _rows: int) -> None:
    """Read the window's columns with polars: sums of numbers, counts of text."""
    import polars as pl

    frame = pl.scan_parquet(folder / "window.parquet")
    frame.select(pl.col(NUMBERS).sum(), pl.col(list(CATEGORIES)).count()).collect(engine="streaming")


def evidently(folder: Path, _rows: int) -> None:
    """Compare both windows with Evidently's drift preset by PSI."""
    import pandas as pd
    from evidently import DataDefinition, Dataset, Report
    from evidently.presets import DataDriftPreset

    definition = DataDefinition(numerical_columns=NUMBERS, categorical_columns=list(CATEGORIES))
    reference, window = (
        Dataset.from_pandas(pd.read_parquet(folder / f"{name}.parquet"), data_definition=definition)
        for name in ("reference", "window")
    )
    report = Report([DataDriftPreset(num_method="psi", cat_method="psi")]).run(window, reference)
    assert report.dict()["metrics"]


def _write_baseline(folder: Path) -> None:
    """Write the four files with the training code's own functions, on at most a million rows."""
    import pyarrow.parquet as pq
    from sagemaker_gitops_modelkit.training.feature_schema import parse_schema
    from sagemaker_gitops_modelkit.training.reference_statistics import constraints, statistics

    features: list[dict[str, Any]] = [
        {"name": name, "type": "number", "minimum": 0, "maximum": 1e9, "missing": "refuse"} for name in NUMBERS
    ]
    for name, size in CATEGORIES.items():
        values = [f"value {index}" for index in range(size)]
        features.append({"name": name, "type": "category", "categories": values, "unknown": "ignore"})
    columns = {"target": "deny", "positive": "yes", "negative": "no", "favourable": "no", "id": "id", "protected": "p"}
    document = {**columns, "features": features}
    schema = parse_schema(document)
    table = next(pq.ParquetFile(folder / "reference.parquet").iter_batches(CHUNK)).to_pandas()
    scores = {"edges": [0, 0.5, 1], "negative": [0, 0], "positive": [0, 0]}
    for name, content in (
        ("schema.json", document),
        ("statistics.json", statistics(table, schema)),
        ("constraints.json", constraints(table, schema)),
        ("metrics.json", {"scores": scores, "groups": {}, "overall": {}}),
    ):
        (folder / name).write_text(json.dumps(content))


if __name__ == "__main__":
    subjects = {f.__name__: f for f in (generate, ours, ours_both_windows, read, polars_read, evidently)}
    subjects[sys.argv[1]](Path(sys.argv[2]), int(sys.argv[3]))
