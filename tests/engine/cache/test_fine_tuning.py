"""From a registered version and later applications to a version that remembers where it came from."""

from pathlib import Path

import pytest
from tests.engine.stages.conftest import Laptop
from tests.modelkit import later

GROUP = "arn:aws:sagemaker:eu-west-1:111111111111:model-package/loan-approval"


@pytest.fixture(scope="module")
def parent(laptop: Laptop) -> str:
    """Return the version of the repository's own model."""
    told = [laptop.run(stage, "--env", "dev") for stage in ("train", "test", "register")]
    assert [one.exit_code for one in told] == [0, 0, 0]
    return told[-1].outputs["version"]


def _bring_later(laptop: Laptop, scratch: Path, *, reversed_outcomes: bool = False) -> None:
    source = laptop.root / "data/hmda.csv"
    later.write(source, scratch, reversed_outcomes=reversed_outcomes)
    source.unlink()
    (scratch / "later.csv").rename(laptop.root / "data/later.csv")


def test_fine_tuned_version_is_registered_with_its_lineage(laptop: Laptop, parent: str, tmp_path: Path) -> None:
    """Parent and data stand on the job and in the registry, and the same command is a hit."""
    _bring_later(laptop, tmp_path)

    told = [laptop.run(stage, "--env", "dev", "--from", parent) for stage in ("train", "test", "register", "train")]

    assert [one.exit_code for one in told] == [0, 0, 0, 0], [one.stderr for one in told]
    assert [told[0].outputs["cached"], told[3].outputs["cached"]] == ["false", "true"]
    sagemaker = laptop.client("sagemaker")
    first, second = (
        sagemaker.describe_model_package(ModelPackageName=f"{GROUP}/{version}")["CustomerMetadataProperties"]
        for version in (parent, told[2].outputs["version"])
    )
    job = sagemaker.describe_training_job(TrainingJobName=told[0].outputs["training_job"])
    assert second["parent_version"] == parent == job["Environment"]["PARENT_VERSION"]
    assert second["parent_fingerprint"] == second["input_parent"] == first["fingerprint"]
    assert second["parent_data_version"] == first["data_version"] != second["data_version"]
    assert second["fingerprint"] == told[0].outputs["fingerprint"] != first["fingerprint"]


def test_stored_data_version_gives_the_same_model_as_the_checkout(laptop: Laptop, parent: str, tmp_path: Path) -> None:
    """A data version that was stored once is named by its hash; the data need not be at hand."""
    before = (laptop.root / "data/hmda.csv").read_bytes()
    _bring_later(laptop, tmp_path)
    here = laptop.run("train", "--env", "dev", "--from", parent).outputs
    (laptop.root / "data/later.csv").unlink()
    (laptop.root / "data/hmda.csv").write_bytes(before)

    stored = laptop.run("train", "--env", "dev", "--from", parent, "--data", here["data_version"][:12])

    assert stored.outputs["fingerprint"] == here["fingerprint"]
    assert stored.outputs["cached"] == "true"


def test_model_that_forgets_is_stopped(laptop: Laptop, parent: str, tmp_path: Path) -> None:
    """Outcomes that contradict the past are learnt, and the gate refuses what that cost."""
    _bring_later(laptop, tmp_path, reversed_outcomes=True)
    laptop.set_hyperparameters(additional_rounds="100")
    versions = laptop.versions()

    trained, judged, registered = (
        laptop.run(stage, "--env", "dev", "--from", parent) for stage in ("train", "test", "register")
    )

    assert [trained.exit_code, judged.exit_code, registered.exit_code] == [0, 20, 20]
    assert "no_forgetting: roc_auc" in judged.stderr
    assert laptop.versions() == versions


def test_parent_that_was_rejected_is_refused(laptop: Laptop, parent: str) -> None:
    """Nothing is continued that nobody may release."""
    laptop.set_hyperparameters(n_estimators="149")
    version = [laptop.run(stage, "--env", "dev") for stage in ("train", "test", "register")][-1].outputs["version"]
    laptop.run("approve", "--env", "dev", "--version", version, "--reason", "an experiment", "--reject")

    refused = laptop.run("train", "--env", "dev", "--from", version)
    absent = laptop.run("train", "--env", "dev", "--from", "99")

    assert (refused.exit_code, absent.exit_code) == (20, 11)
    assert "Rejected" in refused.stderr


def test_explain_names_the_parent_as_the_difference(laptop: Laptop, parent: str) -> None:
    """Continuing is another model than the parent, from the same checkout."""
    told = laptop.run("explain", "--env", "dev", "--from", parent, "--version", parent)

    assert told.outputs["hit"] == "false"
    assert "| parent | `none` |" in told.stdout
