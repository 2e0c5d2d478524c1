"""How often the monitor is right, measured on resampled real rows."""

import json
import sys
from collections import Counter

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from sagemaker_gitops.monitor.baseline import Baseline, read_baseline
from sagemaker_gitops.monitor.tally import Tally, empty_tally
from sagemaker_gitops.monitor.verdict import evaluate
from sagemaker_gitops.project.monitor_config import MonitorConfig
from tests.engine.drift.worlds import World
from tests.sample import ROOT

BASELINE_ROWS = 1630
WINDOW_ROWS = 2000
FEATURES = json.loads((ROOT / "model/config/schema.json").read_text())["features"]
NAMES = [feature["name"] for feature in FEATURES]
# The level that the requirement names; the default is stricter.
CONFIG = MonitorConfig(false_alarm_rate=0.05)


def trained_on(world: World, rows: pd.DataFrame) -> Baseline:
    """Make the baseline that training would write for these rows."""
    sys.path.insert(0, str(ROOT / "model/train"))
    from sagemaker_gitops_modelkit.training.feature_schema import parse_schema  # noqa: PLC0415  model/train is no package
    from sagemaker_gitops_modelkit.training.reference_statistics import constraints, statistics  # noqa: PLC0415

    schema = parse_schema({k: v for k, v in json.loads(world.files["schema.json"]).items() if k != "threshold"})
    made = {"statistics.json": statistics(rows, schema), "constraints.json": constraints(rows, schema)}
    return read_baseline({**world.files, **{k: json.dumps(v).encode() for k, v in made.items()}}, where="test")


def counted(baseline: Baseline, rows: pd.DataFrame) -> Tally:
    """Count rows as a reader of captures would."""
    tally = empty_tally(baseline)
    tally.reading.rows = tally.reading.events = len(rows)
    for name, number in tally.numbers.items():
        number.add(rows[name].to_numpy(np.float64), baseline.numbers[name])
    for name, category in tally.categories.items():
        category.add(Counter(rows[name]), baseline.categories[name])
    return tally


def draw(world: World, rng: np.random.Generator, count: int, p: npt.NDArray[np.float64] | None = None) -> pd.DataFrame:
    """Draw real rows with replacement."""
    return world.rows.iloc[rng.choice(len(world.rows), count, p=p)].reset_index(drop=True)


def coded(world: World, name: str) -> npt.NDArray[np.intp]:
    """Give each bin of a number a place, and each category one from the commonest to the rarest."""
    column = world.rows[name]
    if name not in world.baseline.numbers:
        order = {category: place for place, category in enumerate(column.value_counts().index)}
        return np.array([order[category] for category in column], dtype=np.intp)
    bins = world.baseline.numbers[name].bins
    fine = np.searchsorted(bins.edges, column.to_numpy(np.float64))
    return np.searchsorted(bins.coarse, fine, side="right") - 1


def tilted(world: World, name: str, psi: float) -> npt.NDArray[np.float64]:
    """Weigh the real rows so that the feature's population PSI over its baseline's bins is exactly `psi`.

    Rows are tilted exponentially towards what is rarer: towards what is common there is no such PSI.
    """
    code = coded(world, name)
    score = (code - code.mean()) / code.std()
    before = np.bincount(code) / len(code)

    def weights(strength: float) -> npt.NDArray[np.float64]:
        raw: npt.NDArray[np.float64] = np.exp(strength * score)
        return raw / float(raw.sum())

    low, high = 0.0, 5.0
    for _ in range(60):
        middle = (low + high) / 2
        after = np.bincount(code, weights=weights(middle))
        present = before > 0
        found = float(
            np.sum(((after - before) * np.log(after / before, where=present, out=np.zeros_like(before)))[present])
        )
        low, high = (middle, high) if found < psi else (low, middle)
    return weights(high)


def test_false_alarms_are_rare(world: World) -> None:
    """Over all features and checks at most 5 % of the runs on undrifted rows say anything."""
    rng = np.random.default_rng(0)
    runs = 200

    alarms = 0
    for _ in range(runs):
        baseline = trained_on(world, draw(world, rng, BASELINE_ROWS))
        verdict = evaluate(baseline, counted(baseline, draw(world, rng, WINDOW_ROWS)), CONFIG)
        alarms += bool(verdict.violations)

    assert alarms / runs <= 0.05


def test_significance_alone_keeps_its_level(world: World) -> None:
    """The corrected p-values hold 5 % a run even without the limits on size."""
    rng = np.random.default_rng(1)
    runs = 200

    alarms = 0
    for _ in range(runs):
        baseline = trained_on(world, draw(world, rng, BASELINE_ROWS))
        verdict = evaluate(baseline, counted(baseline, draw(world, rng, WINDOW_ROWS)), CONFIG)
        alarms += any(finding.p_value < CONFIG.false_alarm_rate for finding in verdict.findings)

    assert alarms / runs <= 0.05


@pytest.mark.parametrize("name", NAMES)
def test_a_psi_of_a_quarter_is_found(world: World, name: str) -> None:
    """At 2,000 rows a population PSI of 0.25 on any one feature is found in at least 95 % of the runs."""
    rng = np.random.default_rng(2)
    weights = tilted(world, name, 0.25)
    runs = 40

    found = 0
    for _ in range(runs):
        baseline = trained_on(world, draw(world, rng, BASELINE_ROWS))
        verdict = evaluate(baseline, counted(baseline, draw(world, rng, WINDOW_ROWS, weights)), MonitorConfig())
        found += any(finding.feature == name and finding.violated for finding in verdict.findings)

    assert found / runs >= 0.95
