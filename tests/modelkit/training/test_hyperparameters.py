"""Hyperparameters arrive as strings and are checked before anything is learnt."""

import json
from pathlib import Path

import pytest
from sagemaker_gitops_modelkit.gates.training import MODEL
from sagemaker_gitops_modelkit.training.failures import InputRefused
from sagemaker_gitops_modelkit.training.hyperparameters import load_hyperparameters, parse_hyperparameters
from train import Hyperparameters

GOOD: dict[str, str] = json.loads((MODEL / "config" / "hyperparameters.json").read_text())


def test_repository_values_are_accepted() -> None:
    """The strings of model/config/hyperparameters.json become numbers."""
    parsed = load_hyperparameters(MODEL / "config" / "hyperparameters.json", Hyperparameters)

    assert parsed.n_estimators == int(GOOD["n_estimators"])
    assert parsed.threshold == float(GOOD["threshold"])


@pytest.mark.parametrize("name", ["_tuning_objective_metric", "sagemaker_region"])
def test_settings_of_sagemaker_itself_are_ignored(name: str) -> None:
    """A tuner's or the SDK's own entries are not ours to refuse."""
    parse_hyperparameters({**GOOD, name: "anything"}, Hyperparameters, where="job")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_estimators": "0"}, "hyperparameter n_estimators is '0'"),
        ({"n_estimators": "1.5"}, "hyperparameter n_estimators is '1.5'"),
        ({"n_estimators": ""}, "hyperparameter n_estimators is ''"),
        ({"learning_rate": "nan"}, "hyperparameter learning_rate is 'nan'"),
        ({"learning_rate": "inf"}, "hyperparameter learning_rate is 'inf'"),
        ({"threshold": "1"}, "hyperparameter threshold is '1'"),
        ({"max_depth": 2}, "hyperparameter max_depth is 2, which is not a string"),
        ({"n_estimator": "5"}, "unknown hyperparameter: n_estimator"),
    ],
)
def test_bad_value_is_refused_by_name(change: dict[str, str], message: str) -> None:
    """The message says which hyperparameter has which value, where, and what would be right."""
    with pytest.raises(InputRefused) as refused:
        parse_hyperparameters({**GOOD, **change}, Hyperparameters, where="job")

    assert refused.value.what == message
    assert refused.value.where == "job"
    assert refused.value.next_step


def test_absent_value_is_refused_by_name() -> None:
    """There are no hidden defaults: what the fingerprint covers is all there is."""
    with pytest.raises(InputRefused, match="missing hyperparameter: seed"):
        parse_hyperparameters(
            {name: text for name, text in GOOD.items() if name != "seed"}, Hyperparameters, where="job"
        )


@pytest.mark.parametrize("content", ["", "{", "[]", '"text"'])
def test_unreadable_file_is_refused(content: str, tmp_path: Path) -> None:
    """A file that is no JSON object is refused with its path."""
    path = tmp_path / "hyperparameters.json"
    path.write_text(content)

    with pytest.raises(InputRefused) as refused:
        load_hyperparameters(path, Hyperparameters)

    assert refused.value.where == str(path)
