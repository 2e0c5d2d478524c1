"""Training that was interrupted goes on, and makes byte by byte the model that it would have made."""

import json
from pathlib import Path

import numpy as np
import pytest
from sagemaker_gitops_modelkit.training import checkpoint
from sagemaker_gitops_modelkit.training.checkpoint import Checkpoints
from sagemaker_gitops_modelkit.training.data import Split, features, load_split, target
from sagemaker_gitops_modelkit.training.export import export
from sagemaker_gitops_modelkit.training.feature_schema import Schema, load_schema
from sagemaker_gitops_modelkit.training.hyperparameters import parse_hyperparameters
from sklearn.ensemble import GradientBoostingClassifier
from tests.sample import ROOT
from train import Hyperparameters, build_pipeline


class Interrupted(Exception):
    """The capacity is gone."""


@pytest.fixture(scope="module")
def schema() -> Schema:
    """Read the model's schema."""
    return load_schema(ROOT / "model/config/schema.json")


@pytest.fixture(scope="module")
def split(schema: Schema) -> Split:
    """Read the data."""
    return load_split(ROOT / "data", schema)


def shaped(**changes: str) -> Hyperparameters:
    """Return the checkout's hyperparameters with some changed."""
    values = json.loads((ROOT / "model/config/hyperparameters.json").read_text())
    return parse_hyperparameters({**values, "n_estimators": "20", **changes}, Hyperparameters, where="test")


def fitted(split: Split, schema: Schema, hyperparameters: Hyperparameters, folder: Path) -> bytes:
    """Fit, and export."""
    table, truth = features(split.train, schema), target(split.train, schema)
    pipeline = checkpoint.fit(build_pipeline(schema, hyperparameters), table, truth, folder)
    return export(pipeline, schema, threshold=hyperparameters.threshold)


def interrupted(
    split: Split, schema: Schema, hyperparameters: Hyperparameters, folder: Path, *, after: float = 0.5
) -> None:
    """Fit until the capacity is taken away after a share of the rounds, right after a checkpoint."""
    save = Checkpoints.save

    def saved(self: Checkpoints, learner: GradientBoostingClassifier, rounds: int) -> None:
        save(self, learner, rounds)
        if rounds >= hyperparameters.n_estimators * after:
            raise Interrupted

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(Checkpoints, "save", saved)
        with pytest.raises(Interrupted):
            fitted(split, schema, hyperparameters, folder)


@pytest.mark.parametrize("subsample", ["1.0", "0.5"])
def test_resumed_model_is_byte_identical(split: Split, schema: Schema, tmp_path: Path, subsample: str) -> None:
    """Random draws go on where they stopped, too."""
    wanted = shaped(subsample=subsample)
    whole = fitted(split, schema, wanted, tmp_path / "nowhere")
    interrupted(split, schema, wanted, tmp_path)

    resumed = fitted(split, schema, wanted, tmp_path)

    assert resumed == whole


def test_interruption_before_the_last_round_is_survived(split: Split, schema: Schema, tmp_path: Path) -> None:
    """There is always a round left to go on with."""
    whole = fitted(split, schema, shaped(), tmp_path / "nowhere")
    interrupted(split, schema, shaped(), tmp_path, after=0.95)

    assert fitted(split, schema, shaped(), tmp_path) == whole
    assert fitted(split, schema, shaped(), tmp_path) == whole


def test_resumed_training_grows_only_the_missing_trees(
    split: Split, schema: Schema, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The checkpoint says how many are there."""
    interrupted(split, schema, shaped(), tmp_path)

    fitted(split, schema, shaped(), tmp_path)

    assert "continuing after round 10 of 20" in capsys.readouterr().out


@pytest.mark.parametrize("spoilt", ["of other hyperparameters", "cut off", "a pickle"])
def test_checkpoint_that_does_not_fit_is_ignored(split: Split, schema: Schema, tmp_path: Path, spoilt: str) -> None:
    """Training begins anew rather than going on from something else; a pickle is never loaded."""
    other = spoilt == "of other hyperparameters"
    interrupted(split, schema, shaped(seed="9" if other else "0"), tmp_path)
    path = tmp_path / "boosting.npz"
    if spoilt == "cut off":
        path.write_bytes(path.read_bytes()[:500])
    if spoilt == "a pickle":
        np.savez(path, identity=np.array({"any": "object"}, dtype=object))

    trained = fitted(split, schema, shaped(), tmp_path)

    assert trained == fitted(split, schema, shaped(), tmp_path / "nowhere")
