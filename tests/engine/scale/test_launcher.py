"""ModelTrainer starts the very job that boto3 would: `make clients` installs what it needs."""

import os
from pathlib import Path

import pytest
from sagemaker_gitops.build.sdk_launcher import SDK, differences
from tests.bake import ROOT as REPOSITORY
from tests.engine.stages.conftest import Laptop

LOCKS = REPOSITORY / "packages/engine/src/sagemaker_gitops/build/locks"
BIN = Path(os.environ.get("CLIENTS_VENV", REPOSITORY / "build/clients")) / "bin"
installed = pytest.mark.skipif(not (BIN / "aws").exists(), reason="no SageMaker SDK: run `make clients`")
BY_SDK = {"PIPELINE__TRAINING__LAUNCHER": "sdk"}
# What says when and where, and not what.
_OF_THE_RUN = frozenset(
    {
        *("TrainingJobName", "TrainingJobArn", "ModelArtifacts", "CreationTime", "LastModifiedTime"),
        *("TrainingStartTime", "TrainingEndTime", "TrainingTimeInSeconds", "BillableTimeInSeconds"),
        *("SecondaryStatusTransitions", "FinalMetricDataList", "ResponseMetadata"),
    }
)


@pytest.fixture(scope="module")
def sdk(laptop: Laptop) -> None:
    """Install the SDK once, and not on any command's time."""
    SDK.environment(laptop.root)


def what(laptop: Laptop, job: str) -> dict[str, object]:
    """Describe what a job was asked to do."""
    described = laptop.client("sagemaker").describe_training_job(TrainingJobName=job)
    # The SDK writes a default out, and drops what is empty.
    described["OutputDataConfig"] = {"CompressionType": "GZIP", **described["OutputDataConfig"]}
    return {key: value for key, value in described.items() if key not in _OF_THE_RUN and value != {}}


@installed
@pytest.mark.usefixtures("sdk")
@pytest.mark.parametrize(
    "variables",
    [{"PIPELINE__TRAINING__INSTANCE_COUNT": "2"}, {"PIPELINE__TRAINING__SPOT__MAX_WAIT_SECONDS": "7200"}],
    ids=["two machines", "spot"],
)
def test_sdk_starts_the_job_that_boto3_starts(laptop: Laptop, variables: dict[str, str]) -> None:
    """Same fingerprint, same name, same request; so either finds what the other trained."""
    laptop.set_hyperparameters(n_estimators="3", seed=str(len(str(variables))))
    by_sdk = laptop.run("train", "--env", "dev", **BY_SDK, **variables)
    found = laptop.run("train", "--env", "dev", **variables)
    key = by_sdk.outputs["model_data"].removeprefix("s3://").partition("/")
    laptop.client("s3").delete_object(Bucket=key[0], Key=key[2])

    by_boto3 = laptop.run("train", "--env", "dev", **variables)

    first, second = by_sdk.outputs["training_job"], by_boto3.outputs["training_job"]
    assert (found.outputs["cached"], found.outputs["training_job"]) == ("true", first)
    assert second == f"{first}-2"
    assert what(laptop, first) == what(laptop, second)
    assert by_boto3.outputs["model_file_sha256"] == by_sdk.outputs["model_file_sha256"]


@installed
@pytest.mark.usefixtures("sdk")
def test_what_the_sdk_says_is_told(laptop: Laptop) -> None:
    """A refusal of AWS reaches the reader in one line."""
    laptop.set_hyperparameters(n_estimators="3", seed="99")
    assert laptop.run("local", "fault", "5xx", "--operation", "CreateTrainingJob").exit_code == 0

    told = laptop.run("train", "--env", "dev", **BY_SDK)

    assert laptop.run("local", "fault", "clear").exit_code == 0
    assert told.exit_code == 10
    assert "the SageMaker SDK did not start loan-approval-" in told.stderr
    assert "Traceback" not in told.stderr


def test_dropped_member_is_found() -> None:
    """What is 0 or False in a request and missing in the job is a difference."""
    asked = {"StoppingCondition": {"MaxRuntimeInSeconds": 0}, "InputDataConfig": [{"ChannelName": "training"}]}

    found = differences(asked, {"StoppingCondition": {}, "InputDataConfig": [{"ChannelName": "training", "More": 1}]})

    assert found == ["StoppingCondition.MaxRuntimeInSeconds is None, not 0"]


def test_lock_is_the_one_that_clients_has() -> None:
    """What is proven with one is run with the other."""
    small, large = (
        {line.split(" ")[0] for line in path.read_text().splitlines() if "==" in line}
        for path in (LOCKS / SDK.lock, REPOSITORY / "tests/engine/local/clients.txt")
    )

    assert small
    assert small <= large
