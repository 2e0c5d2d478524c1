"""The data quality gate stops each kind of bad data."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sagemaker_gitops_modelkit.gates import data_quality
from sagemaker_gitops_modelkit.gates.marks import judge
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from tests.modelkit.red import doctor

Change = Callable[[pd.DataFrame], pd.DataFrame]


def _measure(text: pd.DataFrame, schema: Schema) -> dict[str, float]:
    return {
        **data_quality.violations(text, schema),
        **data_quality.completeness(text, schema),
        **data_quality.duplicates(text, schema),
        **data_quality.leakage(text, schema, inputs=schema.feature_names),
    }


def _first(column: str, value: str) -> Change:
    return lambda text: text.assign(**{column: [value, *text[column].iloc[1:]]})


@pytest.mark.parametrize(
    ("mark", "spoil"),
    [
        ("type_violations", _first("pirat", "high")),
        ("type_violations", lambda text: text.drop(columns="hirat")),
        ("range_violations", _first("lvrat", "-0.5")),
        ("range_violations", _first("unemp", "250")),
        ("category_violations", _first("phist", "maybe")),
        ("category_violations", _first("deny", "perhaps")),
        ("rows", lambda text: text.head(200)),
        ("worst_missing_share", lambda text: text.assign(hirat=text["hirat"].where(text.index % 5 > 0))),
        ("duplicate_ids", _first("rownames", "2")),
        ("duplicate_row_share", lambda text: pd.concat([text, text.head(100)])),
        (
            "best_single_feature_auc",
            lambda text: text.assign(lvrat=np.where(text["deny"] == "yes", "2.5", text["lvrat"])),
        ),
    ],
)
def test_bad_data_misses_its_mark(mark: str, spoil: Change, text: pd.DataFrame, schema: Schema) -> None:
    """Data that is good but for one fault misses that fault's mark, which the good data reaches."""
    measured = _measure(spoil(text), schema)

    assert judge("data_quality", mark, _measure(text, schema)).reached
    assert not judge("data_quality", mark, measured).reached


@pytest.mark.parametrize("column", ["afam", "rownames", "deny"])
def test_forbidden_input_misses_its_mark(column: str, text: pd.DataFrame, schema: Schema) -> None:
    """A model that takes the protected attribute, the id or the target as an input is caught."""
    inputs = (*schema.feature_names, column)

    measured = data_quality.leakage(text, schema, inputs=inputs)

    assert not judge("data_quality", "leaking_columns", measured).reached


def test_bad_data_set_is_stopped(model_dir: Path, text: pd.DataFrame, tmp_path: Path) -> None:
    """The gate, run as the test stage runs it, ends with an error and names the missed marks."""
    folder = tmp_path / "data"
    folder.mkdir()
    _first("lvrat", "-0.5")(text).to_csv(folder / "hmda.csv", index=False)
    model = doctor.copy_model(model_dir, tmp_path / "model")

    code, marks = doctor.judge("test_data_quality", model, data=folder)

    assert code == 1
    assert doctor.missed(marks) == {"data_quality.range_violations"}
