"""The gates of the regression: as good as asked, and the same in every order."""

import json
import os
from pathlib import Path

import pandas as pd
import pytest
import train
from learner import FILE, predict
from preprocessing import load, split
from sagemaker_gitops_modelkit.gates.marks import Recorder, judge, require

MODEL, DATA = Path(os.environ["MODEL_DIR"]), Path(os.environ["DATA_DIR"])
SCHEMA = json.loads((MODEL / "schema.json").read_text())


@pytest.fixture(scope="module")
def held_out() -> pd.DataFrame:
    """Return the rows that training never saw."""
    return split(load(DATA, SCHEMA), SCHEMA)[1]


@pytest.mark.parametrize("name", ["mae", "r2"])
def test_quality_reaches_its_mark(name: str, held_out: pd.DataFrame, record_property: Recorder) -> None:
    """Each metric on the held-out rows keeps its limit."""
    answers = predict((MODEL / FILE).read_bytes(), held_out, SCHEMA)

    require(judge("quality", name, train.judge(held_out[SCHEMA["target"]].to_numpy(), answers)), record_property)


def test_order_of_rows_changes_nothing(held_out: pd.DataFrame, record_property: Recorder) -> None:
    """A row is answered the same wherever it stands in a batch."""
    model = (MODEL / FILE).read_bytes()

    apart = abs(predict(model, held_out[::-1], SCHEMA)[::-1] - predict(model, held_out, SCHEMA)).max()

    require(judge("robustness", "row_order_max_difference", {"row_order_max_difference": apart}), record_property)
