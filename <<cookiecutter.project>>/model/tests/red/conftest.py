"""Models that are worse on purpose, each trained once."""

from collections.abc import Callable
from pathlib import Path

import pytest

from model.tests.gates import training
from model.tests.red import doctor


@pytest.fixture(scope="session")
def weak_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model of one tree: it can hardly tell the applicants apart."""
    return _train(tmp_path_factory.mktemp("weak"), {"n_estimators": "1"})


@pytest.fixture(scope="session")
def biased_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that refuses at a lower probability, and so one group far oftener than the other."""
    return _train(tmp_path_factory.mktemp("biased"), {"threshold": "0.2"})


@pytest.fixture
def spoil(model_dir: Path, tmp_path: Path) -> Callable[[str], Path]:
    """Return a function that copies the good model with its answer rewired."""

    def copy(body: str) -> Path:
        folder = doctor.copy_model(model_dir, tmp_path / "model")
        doctor.rewire(folder, body)
        return folder

    return copy


def _train(root: Path, changes: dict[str, str]) -> Path:
    job = training.run(training.prepare(root, changes))
    assert job.returncode == 0, job.stderr
    return root / "model"
