"""From a trigger to a version that may replace the champion, or to one that is rejected with its evidence."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.engine.stages.conftest import Laptop

GROUP = "arn:aws:sagemaker:eu-west-1:111111111111:model-package/loan-approval"

pytestmark = pytest.mark.acceptance


@pytest.fixture(scope="module")
def champion(laptop: Laptop) -> str:
    """Approve a model of too few trees, under thresholds that let it pass, and return its version."""
    marks = laptop.root / "model/config/baseline.json"
    settings = laptop.root / "model/config/hyperparameters.json"
    before = {path: path.read_bytes() for path in (marks, settings)}
    lenient = json.loads(marks.read_text())
    lenient["quality"] = {name: {"minimum": 0.0} for name in lenient["quality"]}
    marks.write_text(json.dumps(lenient))
    laptop.set_hyperparameters(n_estimators="30")
    told = [laptop.run(stage, "--env", "dev") for stage in ("train", "test", "register")]
    assert [one.exit_code for one in told] == [0, 0, 0], [one.stderr for one in told]
    for path, content in before.items():
        path.write_bytes(content)
    return _approve(laptop, told[-1].outputs["version"])


@pytest.fixture(autouse=True)
def hyperparameters(laptop: Laptop) -> Iterator[Path]:
    """Give the checkout its hyperparameters back after a test."""
    path = laptop.root / "model/config/hyperparameters.json"
    before = path.read_bytes()
    yield path
    path.write_bytes(before)


def _approve(laptop: Laptop, version: str) -> str:
    told = laptop.run("approve", "--env", "prod", "--version", version, "--reason", "reviewed", "--approver", "risk")
    assert told.exit_code == 0, told.stderr
    return version


def _package(laptop: Laptop, version: str) -> dict[str, Any]:
    package: dict[str, Any] = laptop.client("sagemaker").describe_model_package(ModelPackageName=f"{GROUP}/{version}")
    return package


def test_better_challenger_becomes_a_candidate_and_repeating_changes_nothing(laptop: Laptop, champion: str) -> None:
    """The winner awaits approval with the evidence; the same command again finds it."""
    first = laptop.run("retrain", "--env", "dev", "--reason", "drift: income, pirat")
    jobs, versions = laptop.training_jobs(), laptop.versions()

    again = laptop.run("retrain", "--env", "dev", "--reason", "drift: income, pirat")

    assert (first.exit_code, again.exit_code) == (0, 0), (first.stderr, again.stderr)
    package = _package(laptop, first.outputs["version"])
    metadata = package["CustomerMetadataProperties"]
    assert first.outputs["challenge"] == metadata["challenge"] == "won"
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert (metadata["gates"], metadata["retrained_because"]) == ("passed", "drift: income pirat")
    assert metadata["challenge_champion_version"] == champion
    assert float(metadata["challenge_lower"]) > float(metadata["challenge_margin"])
    assert again.outputs["version"] == first.outputs["version"]
    assert (laptop.training_jobs(), laptop.versions()) == (jobs, versions)


def test_challenger_that_does_not_win_is_registered_as_rejected(laptop: Laptop, champion: str) -> None:
    """The loser stands in the registry with its evidence, and cannot be deployed even where nobody approves."""
    winner = laptop.run("retrain", "--env", "dev").outputs["version"]
    laptop.set_hyperparameters(n_estimators="40")

    lost = laptop.run("retrain", "--env", "dev", "--champion", winner, "--reason", "schedule")
    deployed = laptop.run("deploy", "--env", "dev", "--version", lost.outputs["version"])

    assert lost.exit_code == 0, lost.stderr
    package = _package(laptop, lost.outputs["version"])
    metadata = package["CustomerMetadataProperties"]
    bucket, key = metadata["challenge_report"].removeprefix("s3://").split("/", 1)
    evidence = json.load(laptop.client("s3").get_object(Bucket=bucket, Key=key)["Body"])
    assert lost.outputs["challenge"] == metadata["challenge"] == "lost"
    assert package["ModelApprovalStatus"] == "Rejected"
    assert evidence["champion_version"] == int(winner)
    assert evidence["lower"] <= evidence["margin"]
    assert deployed.exit_code == 20
    assert "has not passed its gates" in deployed.stderr


def test_champion_itself_challenges_nobody(laptop: Laptop, champion: str) -> None:
    """Unchanged code and data are the champion's own model: nothing is trained, judged or registered."""
    winner = laptop.run("retrain", "--env", "dev").outputs["version"]
    jobs, versions = laptop.training_jobs(), laptop.versions()

    told = laptop.run("retrain", "--env", "dev", "--champion", winner)

    assert told.outputs["challenge"] == "unchanged"
    assert (laptop.training_jobs(), laptop.versions()) == (jobs, versions)


def test_champion_that_is_not_registered_is_refused(laptop: Laptop) -> None:
    """A version that nobody knows is an error with a next step."""
    refused = laptop.run("retrain", "--env", "dev", "--champion", "99")

    assert refused.exit_code == 11
    assert "there is no version 99" in refused.stderr


def test_metric_of_another_task_is_refused(laptop: Laptop) -> None:
    """A mean absolute error says nothing about two classes, and the answer names what does."""
    refused = laptop.run("retrain", "--env", "dev", PIPELINE__RETRAIN__METRIC="mae")

    assert refused.exit_code == 2
    assert "retrain.metric is mae, which judges no binary model" in refused.stderr


def test_in_prod_the_one_to_beat_is_what_serves(laptop: Laptop, champion: str) -> None:
    """A version that was approved since, and is not deployed yet, is not the champion there."""
    assert laptop.run("bootstrap", "aws", "--env", "prod", "--yes").exit_code == 0
    deployed = laptop.run("deploy", "--env", "prod", "--version", champion)
    _approve(laptop, laptop.run("retrain", "--env", "dev").outputs["version"])

    here, there = (laptop.run("challenge", "--env", env) for env in ("dev", "prod"))

    assert deployed.exit_code == 0, deployed.stderr
    assert (here.outputs["challenge"], there.outputs["challenge"]) == ("unchanged", "won"), there.stderr
    assert f"champion, version {champion}" in there.stdout
