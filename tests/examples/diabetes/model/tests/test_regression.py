"""The gates of the regression: as good as asked, and the same in every order."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from rows import load, split
from sagemaker_gitops_modelkit.training.job import judge
from sagemaker_gitops_modelkit.training.learner import FILE, predict

MODEL, DATA = Path(os.environ["MODEL_DIR"]), Path(os.environ["DATA_DIR"])
BASELINE = json.loads((Path(__file__).parents[1] / "config/baseline.json").read_text())
SCHEMA = json.loads((MODEL / "schema.json").read_text())
Recorder = Callable[[str, object], None]


@pytest.fixture(scope="module")
def held_out() -> pd.DataFrame:
    """Return the rows that training never saw."""
    return split(load(DATA, SCHEMA), SCHEMA)[1]


def require(gate: str, name: str, value: float, record: Recorder) -> None:
    """Record a figure beside its limit, and fail when it misses it."""
    limit = {key: BASELINE[gate][name][key] for key in ("minimum", "maximum") if key in BASELINE[gate][name]}
    record("mark", json.dumps({"gate": gate, "name": name, "value": value, **limit}))

    assert limit.get("minimum", value) <= value <= limit.get("maximum", value)


@pytest.mark.parametrize("name", ["mae", "r2"])
def test_quality_reaches_its_mark(name: str, held_out: pd.DataFrame, record_property: Recorder) -> None:
    """Each metric on the held-out rows keeps its limit."""
    answers = predict((MODEL / FILE).read_bytes(), held_out, SCHEMA)

    require("quality", name, judge(held_out[SCHEMA["target"]].to_numpy(), answers)[name], record_property)


def test_order_of_rows_changes_nothing(held_out: pd.DataFrame, record_property: Recorder) -> None:
    """A row is answered the same wherever it stands in a batch."""
    model = (MODEL / FILE).read_bytes()

    apart = abs(predict(model, held_out[::-1], SCHEMA)[::-1] - predict(model, held_out, SCHEMA)).max()

    require("robustness", "row_order_max_difference", float(apart), record_property)
