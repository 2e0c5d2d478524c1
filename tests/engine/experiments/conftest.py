"""One embedded AWS whose dev environment keeps experiments in a SQLite file."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops.build.experiments import MLFLOW
from tests.engine.stages.conftest import Laptop, started

TRACKING = "sqlite:///.local/experiments/mlflow.db"


@pytest.fixture(scope="session")
def laptop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Start an AWS with this project's images and stacks; stop it afterwards."""
    with started(tmp_path_factory.mktemp("experiments") / "project") as ready:
        MLFLOW.environment(ready.root)  # once for all tests, and not on any command's time
        path = ready.root / "infra/config/dev.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"experiments": {"tracking": TRACKING}}))
        yield ready


@pytest.fixture
def small(laptop: Laptop, request: pytest.FixtureRequest) -> str:
    """Give the checkout a model of its own that trains in no time; return its seed."""
    seed = str(1000 + sum(request.node.name.encode()))
    laptop.set_hyperparameters(n_estimators="3", seed=seed)
    return seed


_READ = """
import json, sys
import mlflow
mlflow.set_tracking_uri(sys.argv[1])
client = mlflow.MlflowClient()
experiment = client.get_experiment_by_name("loan-approval")
runs = client.search_runs([experiment.experiment_id], f"tags.fingerprint = '{sys.argv[2]}'") if experiment else []
files = [[item.path for item in client.list_artifacts(run.info.run_id)] for run in runs]
print(json.dumps([{**run.to_dictionary(), "files": names} for run, names in zip(runs, files)]))
"""


def runs_of(root: Path, tracking: str, fingerprint: str, **environ: str) -> list[dict[str, Any]]:
    """Ask MLflow's own client for the runs of a fingerprint."""
    done = subprocess.run(
        [str(MLFLOW.environment(root) / "bin/python"), "-c", _READ, tracking, fingerprint],
        cwd=root,
        env={"PATH": "/usr/bin:/bin", "DO_NOT_TRACK": "true", **environ},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found
