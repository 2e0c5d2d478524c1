"""Models that are worse on purpose, each trained once."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sagemaker_gitops_modelkit.gates import training
from tests.modelkit import later
from tests.modelkit.red import doctor


@pytest.fixture(scope="session")
def weak_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model of one tree: it can hardly tell the applicants apart."""
    return _train(tmp_path_factory.mktemp("weak"), {"n_estimators": "1"})


@pytest.fixture(scope="session")
def biased_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a model that refuses at a lower probability, and so one group far oftener than the other."""
    return _train(tmp_path_factory.mktemp("biased"), {"threshold": "0.2"})


@pytest.fixture(scope="session")
def later_data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return applications of a later year."""
    return later.write(training.DATA / "hmda.csv", tmp_path_factory.mktemp("later"))


@pytest.fixture(scope="session")
def tuned_model(tmp_path_factory: pytest.TempPathFactory, model_dir: Path, later_data: Path) -> Path:
    """Return the good model, fine-tuned on later applications."""
    return _tune(tmp_path_factory.mktemp("tuned"), model_dir, later_data, rounds=40)


@pytest.fixture(scope="session")
def forgetful_model(tmp_path_factory: pytest.TempPathFactory, model_dir: Path) -> Path:
    """Return the good model, fine-tuned on applications whose outcomes contradict all it had learnt."""
    folder = tmp_path_factory.mktemp("reversed")
    data = later.write(training.DATA / "hmda.csv", folder / "data", reversed_outcomes=True)
    return _tune(folder / "job", model_dir, data, rounds=100)


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


def _tune(root: Path, parent: Path, data: Path, *, rounds: int) -> Path:
    training.prepare(root, {"additional_rounds": str(rounds)}, data=data)
    job = training.run(root, training.give_parent(root, parent))
    assert job.returncode == 0, job.stderr
    return root / "model"
