"""Training on several instances, on spot capacity with checkpoints, and many times with other hyperparameters."""

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from tests.engine.local.harness import BUCKET, ROLE, TRAIN_IMAGE, LocalAws, artifact, channel, eventually, refused

TWO = {"InstanceType": "ml.m6i.large", "InstanceCount": 2, "VolumeSizeInGB": 1}
SPOT = {
    "EnableManagedSpotTraining": True,
    "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 90},
}


@pytest.fixture
def interrupted(aws: LocalAws) -> Iterator[None]:
    """Take capacity back from every spot job that saves something."""
    aws.switch("spot-interruption")
    yield
    aws.switch("clear")


def checkpoints(name: str) -> dict[str, str]:
    """Say where a job's checkpoints are kept."""
    return {"S3Uri": f"s3://{BUCKET}/checkpoints/{name}"}


def test_every_instance_trains_and_all_of_them_make_the_model(aws: LocalAws) -> None:
    """Each knows its name and the others'; what they write is one artefact."""
    described = aws.trained(aws.train(ResourceConfig=TWO))

    model = artifact(aws, described["ModelArtifacts"]["S3ModelArtifacts"])
    assert described["TrainingJobStatus"] == "Completed"
    assert {"model.json", "algo-2.json"} <= set(model)


def test_instances_share_out_the_objects_of_a_sharded_channel(aws: LocalAws) -> None:
    """ShardedByS3Key gives each object to one instance alone."""
    name = uuid.uuid4().hex[:8]
    for number in (1, 2, 3):
        body = b"a,b\n" + b"1,2\n" * number
        aws.client("s3").put_object(Bucket=BUCKET, Key=f"{name}/{number}.csv", Body=body)
    sharded = channel("training", f"s3://{BUCKET}/{name}/")
    sharded["DataSource"]["S3DataSource"]["S3DataDistributionType"] = "ShardedByS3Key"

    described = aws.trained(aws.train(ResourceConfig=TWO, InputDataConfig=[sharded]))

    model = artifact(aws, described["ModelArtifacts"]["S3ModelArtifacts"])
    assert (model["model.json"]["rows"], model["algo-2.json"]["rows"]) == (6, 3)


def test_one_instance_that_fails_ends_the_job(aws: LocalAws) -> None:
    """Nobody waits for the others."""
    described = aws.trained(aws.train(ResourceConfig=TWO, HyperParameters={"fail_on": "algo-2", "sleep": "0.1"}))

    assert described["TrainingJobStatus"] == "Failed"
    assert "exit code: 1" in described["FailureReason"]


@pytest.mark.usefixtures("interrupted")
def test_interrupted_spot_job_goes_on_from_its_checkpoint(aws: LocalAws) -> None:
    """Another container finds what the first had saved; the wait for capacity is not billed."""
    name = uuid.uuid4().hex[:8]
    job = aws.train(**SPOT, CheckpointConfig=checkpoints(name), HyperParameters={"steps": "12"})
    eventually(
        lambda: aws.sagemaker.describe_training_job(TrainingJobName=job)["SecondaryStatus"],
        lambda status: status == "Interrupted",
    )
    aws.switch("clear")

    described = aws.trained(job)

    steps = [step["Status"] for step in described["SecondaryStatusTransitions"]]
    model = artifact(aws, described["ModelArtifacts"]["S3ModelArtifacts"])["model.json"]
    saved = aws.client("s3").get_object(Bucket=BUCKET, Key=f"checkpoints/{name}/step")["Body"].read()
    assert described["TrainingJobStatus"] == "Completed"
    assert steps.count("Interrupted") == steps.count("Training") - 1 >= 1
    assert (model["first"] > 0, model["last"], saved) == (True, 12, b"12")
    assert described["BillableTimeInSeconds"] <= described["TrainingTimeInSeconds"]


@pytest.mark.usefixtures("interrupted")
def test_spot_job_that_never_gets_through_is_stopped(aws: LocalAws) -> None:
    """After MaxWaitTimeInSeconds nobody waits any longer."""
    waiting = {"EnableManagedSpotTraining": True}
    limits = {"MaxRuntimeInSeconds": 1, "MaxWaitTimeInSeconds": 1}

    job = aws.train(
        **waiting,
        StoppingCondition=limits,
        CheckpointConfig=checkpoints(uuid.uuid4().hex[:8]),
        HyperParameters={"steps": "100000"},
    )

    described = aws.trained(job)
    assert described["TrainingJobStatus"] == "Stopped"
    assert described["SecondaryStatus"] in {"MaxWaitTimeExceeded", "MaxRuntimeExceeded"}


@pytest.mark.usefixtures("interrupted")
def test_capacity_that_is_paid_for_is_not_taken_back(aws: LocalAws) -> None:
    """The fault strikes spot jobs alone."""
    job = aws.train(CheckpointConfig=checkpoints(uuid.uuid4().hex[:8]), HyperParameters={"steps": "2"})

    described = aws.trained(job)

    assert described["TrainingJobStatus"] == "Completed"
    assert "Interrupted" not in [step["Status"] for step in described["SecondaryStatusTransitions"]]


def tune(aws: LocalAws, *, static: dict[str, str] | None = None, **config: Any) -> str:
    """Start a tuning job; return its name."""
    name = f"tune-{uuid.uuid4().hex[:8]}"
    wanted = {
        "Strategy": "Random",
        "HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "test:score"},
        "ResourceLimits": {"MaxNumberOfTrainingJobs": 4, "MaxParallelTrainingJobs": 2},
        "RandomSeed": 7,
        "ParameterRanges": {
            "ContinuousParameterRanges": [
                {"Name": "score", "MinValue": "0.001", "MaxValue": "0.9", "ScalingType": "Logarithmic"}
            ],
            "IntegerParameterRanges": [{"Name": "depth", "MinValue": "2", "MaxValue": "4"}],
        },
        **config,
    }
    aws.sagemaker.create_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name,
        HyperParameterTuningJobConfig=wanted,
        TrainingJobDefinition={
            "StaticHyperParameters": static or {},
            "AlgorithmSpecification": {
                "TrainingImage": TRAIN_IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "test:score", "Regex": r"test:score=([0-9.]+);"}],
            },
            "RoleArn": ROLE,
            "InputDataConfig": [channel("training", f"s3://{BUCKET}/data/")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/training"},
            "ResourceConfig": {"InstanceType": "ml.m6i.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        },
    )
    return name


def tuned(aws: LocalAws, name: str) -> dict[str, Any]:
    """Return a tuning job once it has ended."""
    return eventually(
        lambda: aws.sagemaker.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name),
        lambda described: described["HyperParameterTuningJobStatus"] not in {"InProgress", "Stopping"},
    )


def trials(aws: LocalAws, name: str) -> list[dict[str, Any]]:
    """List a tuning job's training jobs."""
    found: list[dict[str, Any]] = aws.sagemaker.list_training_jobs_for_hyper_parameter_tuning_job(
        HyperParameterTuningJobName=name
    )["TrainingJobSummaries"]
    return found


def test_tuning_runs_its_training_jobs_and_finds_the_best(aws: LocalAws) -> None:
    """Each trial is a job with values of the ranges; the metric that it printed decides."""
    name = tune(aws, static={"other": "1"})

    described = tuned(aws, name)

    found = trials(aws, name)
    values = [trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] for trial in found]
    best = described["BestTrainingJob"]
    job = aws.sagemaker.describe_training_job(TrainingJobName=best["TrainingJobName"])
    assert described["HyperParameterTuningJobStatus"] == "Completed"
    assert described["TrainingJobStatusCounters"]["Completed"] == len(set(values)) == 4
    assert best["FinalHyperParameterTuningJobObjectiveMetric"]["Value"] == max(values)
    assert job["HyperParameters"] == {
        "other": "1",
        "_tuning_objective_metric": "test:score",
        **best["TunedHyperParameters"],
    }
    assert job["TuningJobArn"] == described["HyperParameterTuningJobArn"]
    for trial in found:
        assert 0.001 <= float(trial["TunedHyperParameters"]["score"]) <= 0.9
        assert trial["TunedHyperParameters"]["depth"] in {"2", "3", "4"}


def test_same_seed_tries_the_same_values(aws: LocalAws) -> None:
    """A search can be repeated."""
    limits = {"MaxNumberOfTrainingJobs": 2, "MaxParallelTrainingJobs": 1}
    first, second = tune(aws, ResourceLimits=limits), tune(aws, ResourceLimits=limits)
    for name in (first, second):
        tuned(aws, name)

    tried = [[trial["TunedHyperParameters"] for trial in trials(aws, name)] for name in (first, second)]

    assert tried[0] == tried[1]


def test_grid_tries_every_combination(aws: LocalAws) -> None:
    """A grid has as many jobs as its values make."""
    ranges = {
        "CategoricalParameterRanges": [
            {"Name": "score", "Values": ["0.1", "0.2"]},
            {"Name": "depth", "Values": ["1", "2"]},
        ]
    }
    name = tune(aws, Strategy="Grid", ParameterRanges=ranges, ResourceLimits={"MaxParallelTrainingJobs": 4})
    tuned(aws, name)

    tried = {json.dumps(trial["TunedHyperParameters"], sort_keys=True) for trial in trials(aws, name)}

    assert len(tried) == 4


def test_search_without_a_success_fails(aws: LocalAws) -> None:
    """The first trial's reason is the job's."""
    limits = {"MaxNumberOfTrainingJobs": 1, "MaxParallelTrainingJobs": 1}

    described = tuned(aws, tune(aws, static={"fail": "no such column"}, ResourceLimits=limits))

    assert described["HyperParameterTuningJobStatus"] == "Failed"
    assert "no such column" in described["FailureReason"]


def test_stopped_search_starts_no_more_jobs(aws: LocalAws) -> None:
    """What runs is stopped, what has not begun never begins."""
    name = tune(
        aws,
        static={"sleep": "30"},
        ResourceLimits={"MaxNumberOfTrainingJobs": 5, "MaxParallelTrainingJobs": 1},
    )
    eventually(lambda: trials(aws, name), lambda found: bool(found) and found[0]["TrainingJobStatus"] == "InProgress")

    aws.sagemaker.stop_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)

    assert tuned(aws, name)["HyperParameterTuningJobStatus"] == "Stopped"
    assert [trial["TrainingJobStatus"] for trial in trials(aws, name)] == ["Stopped"]


@pytest.mark.parametrize(
    ("config", "code", "message"),
    [
        ({"Strategy": "Bayesian"}, "NotImplementedByLocalAWS", "Bayesian"),
        (
            {"HyperParameterTuningJobObjective": {"Type": "Maximize", "MetricName": "nobody:prints"}},
            "ValidationException",
            "Invalid objective metric",
        ),
        (
            {"ParameterRanges": {"IntegerParameterRanges": [{"Name": "depth", "MinValue": "4", "MaxValue": "2"}]}},
            "ValidationException",
            "must not be greater",
        ),
        ({"Strategy": "Grid"}, "ValidationException", "categorical"),
    ],
)
def test_refuses_a_search(aws: LocalAws, config: dict[str, Any], code: str, message: str) -> None:
    """What AWS refuses is refused here, and what is not searched is refused loudly."""
    found = refused(lambda: tune(aws, **config))

    assert found[0] == code
    assert message in found[1]
