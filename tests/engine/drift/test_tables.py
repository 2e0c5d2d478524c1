"""Rows in Parquet are counted as captured ones are."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sagemaker_gitops.errors import DataInvalid
from sagemaker_gitops.monitor.tables import read_tables
from sagemaker_gitops.monitor.tally import Tally
from sagemaker_gitops.monitor.verdict import Outcome, evaluate
from sagemaker_gitops.project.monitor_config import MonitorConfig
from tests.engine.drift.worlds import World, events, read
from tests.sample import ROOT


def counts(tally: Tally) -> dict[str, object]:
    """Give what a tally counted of the features."""
    numbers = {name: (one.counts.tolist(), one.missing, one.outside) for name, one in tally.numbers.items()}
    categories = {name: (one.counts.tolist(), one.missing, one.names) for name, one in tally.categories.items()}
    return {**numbers, **categories, "rows": tally.reading.rows}


def test_parquet_and_captures_count_the_same(world: World, tmp_path: Path) -> None:
    """The same rows give the same counts, whichever way they come."""
    sample = world.sample(700, seed=0)
    sample.rows.to_parquet(tmp_path / "rows.parquet")

    tally = read_tables(tmp_path / "rows.parquet", world.baseline)

    assert counts(tally) == counts(read(world, [events(sample)]))


def test_a_folder_of_files_is_one_window(world: World, tmp_path: Path) -> None:
    """However many files hold the rows, the counts are the same."""
    sample = world.sample(700, seed=1)
    for number in range(4):
        (tmp_path / f"part={number}").mkdir()
        sample.rows[number::4].to_parquet(tmp_path / f"part={number}" / "rows.parquet")

    tally = read_tables(tmp_path, world.baseline)

    assert counts(tally) == counts(read(world, [events(sample)]))


def test_changed_columns_are_found(world: World, tmp_path: Path) -> None:
    """A column gone, one that became text, a new one and missing values are an outcome, not an error."""
    rows = world.sample(800, seed=2).rows.drop(columns="lvrat")
    rows["pirat"] = rows["pirat"].astype(str)
    rows["hirat"] = rows["hirat"].where(rows.index % 3 > 0, np.nan)
    rows["phist"] = rows["phist"].where(rows.index % 3 > 0, None)
    rows["colour"] = "red"
    rows.to_parquet(tmp_path / "rows.parquet")

    verdict = evaluate(world.baseline, read_tables(tmp_path, world.baseline), MonitorConfig())

    found = {(finding.feature, finding.check) for finding in verdict.violations}
    assert verdict.outcome is Outcome.DRIFT
    assert found == {
        ("lvrat", "missing_column_check"),
        ("pirat", "data_type_check"),
        ("hirat", "completeness_check"),
        ("phist", "completeness_check"),
        ("colour", "extra_column_check"),
    }


@pytest.mark.parametrize("content", [None, b"", b"PAR1 but not really"], ids=["absent", "empty", "garbage"])
def test_what_is_no_parquet_is_refused_in_words(world: World, tmp_path: Path, content: bytes | None) -> None:
    """A path without a readable table is an error that names it."""
    path = tmp_path / "rows.parquet"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(DataInvalid) as caught:
        read_tables(path, world.baseline)

    assert str(path) in str(caught.value)


def test_infinite_numbers_are_invalid(world: World, tmp_path: Path) -> None:
    """An infinite ratio belongs to no bin."""
    rows = world.rows.head(10).assign(pirat=[np.inf, -np.inf, *[0.3] * 8])
    pd.DataFrame(rows).to_parquet(tmp_path / "rows.parquet")

    tally = read_tables(tmp_path, world.baseline)

    assert (tally.numbers["pirat"].present, tally.numbers["pirat"].invalid) == (8, 2)


def test_counting_imports_no_pandas(world: World, tmp_path: Path) -> None:
    """A million rows are counted in the time that importing pandas takes."""
    world.sample(700, seed=3).rows.to_parquet(tmp_path / "rows.parquet")
    for name, content in world.files.items():
        (tmp_path / name).write_bytes(content)
    program = (
        "import sys; from pathlib import Path\n"
        "from sagemaker_gitops.monitor.baseline import FILES, read_baseline\n"
        "from sagemaker_gitops.monitor.tables import read_tables\n"
        "folder = Path(sys.argv[1])\n"
        "baseline = read_baseline({name: (folder / name).read_bytes() for name in FILES}, where='here')\n"
        "print(read_tables(folder / 'rows.parquet', baseline).reading.rows, 'pandas' in sys.modules)\n"
    )

    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=True
    )

    assert done.stdout.split() == ["700", "False"]
