"""A model's way is one run of MLflow, written to a SQLite file and read back by MLflow's own client."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.engine.experiments.conftest import TRACKING, runs_of
from tests.engine.stages.conftest import Laptop, surroundings


def test_a_release_is_one_run_that_its_version_names(laptop: Laptop) -> None:
    """Parameters, metrics, verdict and version are there; the package and its card name the run."""
    mark = laptop.run("train", "--env", "dev").outputs["fingerprint"]
    for stage in ("test", "register", "train", "register"):
        assert laptop.run(stage, "--env", "dev").exit_code == 0

    (run,) = runs_of(laptop.root, TRACKING, mark)
    package = laptop.client("sagemaker").describe_model_package(
        ModelPackageName="arn:aws:sagemaker:eu-west-1:111111111111:model-package/loan-approval/1"
    )
    metadata = package["CustomerMetadataProperties"]
    card = json.loads(package["ModelCard"]["ModelCardContent"])["additional_information"]["custom_details"]
    hyperparameters = json.loads((laptop.root / "model/config/hyperparameters.json").read_text())
    params, metrics, tags = (run["data"][name] for name in ("params", "metrics", "tags"))
    assert params == hyperparameters
    assert metrics["overall.roc_auc"] > 0.7
    assert metrics["gate.quality.roc_auc"] == pytest.approx(metrics["overall.roc_auc"], abs=1e-5)
    assert (tags["gates"], tags["model_version"], tags["data_version"]) == ("passed", "1", metadata["data_version"])
    assert (run["info"]["status"], sorted(run["files"])) == (
        "FINISHED",
        ["gates.json", "manifest.json", "metrics.json", "model_card.json", "schema.json"],
    )
    assert metadata["experiment_run"] == card["experiment_run"] == run["info"]["run_id"]
    assert (metadata["experiment"], metadata["experiment_tracking"]) == ("loan-approval", TRACKING)


def test_a_model_that_its_gates_refuse_is_a_run_too(laptop: Laptop, small: str) -> None:
    """What did not work is what an experiment is for."""
    mark = laptop.run("train", "--env", "dev").outputs["fingerprint"]

    refused = laptop.run("test", "--env", "dev")

    (run,) = runs_of(laptop.root, TRACKING, mark)
    assert refused.exit_code == 20
    assert (run["data"]["tags"]["gates"], run["data"]["params"]["seed"]) == ("failed", small)
    assert run["data"]["metrics"]["gate.quality.roc_auc"] < 0.9


@pytest.mark.usefixtures("small")
def test_two_runners_at_once_make_one_run(laptop: Laptop) -> None:
    """Both wait for the same training job, and both log it."""
    command = [sys.executable, "-m", "sagemaker_gitops", "--json", "train", "--env", "dev"]
    environ = {**surroundings(), **laptop.environ}
    runners = [
        subprocess.Popen(command, cwd=laptop.root, env=environ, stdout=subprocess.PIPE, text=True) for _ in range(2)
    ]

    told = [json.loads(runner.communicate(timeout=600)[0]) for runner in runners]

    assert [answer["annotations"] for answer in told] == [[], []]
    assert len(runs_of(laptop.root, TRACKING, told[0]["outputs"]["fingerprint"])) == 1


@pytest.mark.usefixtures("small")
def test_training_succeeds_where_no_run_can_be_kept(laptop: Laptop) -> None:
    """The reason is a remark at the setting, and the next stage that reaches MLflow makes up for it."""
    beside = {"PIPELINE__EXPERIMENTS__TRACKING": "sqlite:////dev/null/mlflow.db"}

    told = laptop.run("train", "--env", "dev", **beside)
    again = laptop.run("train", "--env", "dev")

    (remark,) = json.loads(told.stdout)["annotations"]
    assert (told.exit_code, remark["level"], remark["file"]) == (0, "warning", "infra/config/dev.json")
    assert "no experiment keeps this run" in remark["message"]
    assert len(runs_of(laptop.root, TRACKING, again.outputs["fingerprint"])) == 1


@pytest.mark.usefixtures("small")
def test_lock_that_cannot_be_installed_is_a_remark(laptop: Laptop, tmp_path: Path) -> None:
    """A machine without a network trains all the same."""
    kept = (laptop.root / ".cache").rename(tmp_path / "cache")

    told = laptop.run("train", "--env", "dev", UV_OFFLINE="1", UV_CACHE_DIR=str(tmp_path / "empty"))

    shutil.rmtree(laptop.root / ".cache")
    kept.rename(laptop.root / ".cache")
    (remark,) = json.loads(told.stdout)["annotations"]
    assert told.exit_code == 0
    assert "MLflow could not be installed" in remark["message"]
