"""SageMaker Pipelines carries the stages out, and the runner takes over from there."""

import json
from collections.abc import Iterator

import pytest
from sagemaker_gitops.errors import GateFailed, TrainingFailed
from tests.engine.stages.conftest import Laptop


@pytest.fixture(autouse=True, scope="module")
def orchestrated(laptop: Laptop) -> Iterator[None]:
    """Let SageMaker Pipelines run the stages here."""
    path = laptop.root / "infra/config/dev.json"
    before = path.read_text()
    path.write_text(json.dumps({**json.loads(before), "orchestration": True}))
    made = laptop.run("bootstrap", "aws", "--env", "dev", "--yes")
    assert made.exit_code == 0, made.stderr
    yield
    path.write_text(before)


def steps(laptop: Laptop, execution: str) -> dict[str, dict[str, object]]:
    """Say what became of each step."""
    found = laptop.client("sagemaker").list_pipeline_execution_steps(PipelineExecutionArn=execution)
    return {step["StepName"]: step for step in found["PipelineExecutionSteps"]}


def newest(laptop: Laptop) -> dict[str, str]:
    """Describe the newest execution."""
    sagemaker = laptop.client("sagemaker")
    listed = sagemaker.list_pipeline_executions(PipelineName="loan-approval")["PipelineExecutionSummaries"]
    found: dict[str, str] = sagemaker.describe_pipeline_execution(
        PipelineExecutionArn=listed[0]["PipelineExecutionArn"]
    )
    return found


def test_execution_trains_judges_and_registers_and_the_gates_follow(laptop: Laptop) -> None:
    """A second execution finds its step; test and register take over what was trained; only they open the way."""
    first = laptop.run("orchestrate", "--env", "dev")
    jobs = laptop.training_jobs()
    second = laptop.run("orchestrate", "--env", "dev")
    candidate = second.outputs["model_package_arn"].rsplit("/", 1)[-1]
    refused = laptop.run("deploy", "--env", "dev", "--version", candidate)
    trained = laptop.run("train", "--env", "dev")
    judged = laptop.run("test", "--env", "dev")
    registered = laptop.run("register", "--env", "dev")

    deployed = laptop.run("deploy", "--env", "dev", "--version", registered.outputs["version"])

    package = laptop.client("sagemaker").describe_model_package(ModelPackageName=first.outputs["model_package_arn"])
    assert [told.exit_code for told in (first, second, trained, judged, registered, deployed)] == [0] * 6
    assert {name: step["StepStatus"] for name, step in steps(laptop, first.outputs["execution"]).items()} == {
        "train": "Succeeded",
        "test": "Succeeded",
        "register": "Succeeded",
    }
    assert "CacheHitResult" in steps(laptop, second.outputs["execution"])["train"]
    assert (trained.outputs["cached"], trained.outputs["training_job"]) == ("true", first.outputs["training_job"])
    assert laptop.training_jobs() == jobs
    assert package["ModelApprovalStatus"] == "PendingManualApproval"
    assert package["InferenceSpecification"]["Containers"][0]["ModelDataUrl"] == trained.outputs["model_data"]
    assert package["CustomerMetadataProperties"]["training_job"] == first.outputs["training_job"]
    assert refused.exit_code == GateFailed.exit_code


def test_model_that_misses_a_mark_ends_the_execution(laptop: Laptop) -> None:
    """The Fail step says which threshold and by how much; nothing is registered."""
    laptop.set_hyperparameters(n_estimators="1")
    versions = laptop.versions()

    told = laptop.run("orchestrate", "--env", "dev")

    execution = newest(laptop)
    assert told.exit_code == GateFailed.exit_code
    assert "test:roc_auc must be at least 0.795 and is 0." in told.stderr
    assert (execution["PipelineExecutionStatus"], laptop.versions()) == ("Failed", versions)
    assert "One or multiple steps failed" in execution["FailureReason"]


def test_job_that_fails_ends_the_execution_with_its_reason(laptop: Laptop) -> None:
    """What the container wrote is what the caller reads."""
    laptop.set_hyperparameters(max_depth="deep")

    told = laptop.run("orchestrate", "--env", "dev")

    assert told.exit_code == TrainingFailed.exit_code
    assert "hyperparameter max_depth is 'deep'" in told.stderr
    assert newest(laptop)["PipelineExecutionStatus"] == "Failed"


def test_definition_can_be_read_before_it_runs(laptop: Laptop) -> None:
    """--dry-run starts nothing."""
    laptop.set_hyperparameters(seed="77")
    jobs = laptop.training_jobs()

    told = laptop.run("orchestrate", "--env", "dev", "--dry-run")

    document = json.loads((laptop.root / told.outputs["definition"]).read_text())
    assert (told.exit_code, laptop.training_jobs()) == (0, jobs)
    assert document["Version"] == "2020-12-01"
    assert document["Steps"][0]["Arguments"]["HyperParameters"]["seed"] == "77"
