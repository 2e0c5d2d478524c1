"""Training jobs on SageMaker's managed compute."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import botocore.exceptions

from sagemaker_gitops.aws.session import error_code, is_missing

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.literals import TrainingInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import (
        ChannelTypeDef,
        CreateTrainingJobRequestTypeDef,
        DescribeTrainingJobResponseTypeDef,
        MetricDefinitionTypeDef,
        ResourceConfigTypeDef,
    )

_ENDED = frozenset({"Completed", "Failed", "Stopped"})


@dataclass(frozen=True, kw_only=True)
class TrainingRequest:
    """What to train, on what, and under which name."""

    name: str
    image_uri: str
    role_arn: str
    data_uri: str
    parent_uri: str | None
    output_uri: str
    output_key: str
    hyperparameters: Mapping[str, str]
    environment: Mapping[str, str]
    metrics: tuple[str, ...]
    tags: Mapping[str, str]
    instance_type: str
    instance_count: int
    volume_gb: int
    max_runtime_seconds: int
    # Both for spot capacity alone: how long all may take, and where an interrupted job goes on from.
    max_wait_seconds: int | None = None
    checkpoint_uri: str | None = None


@dataclass(frozen=True, kw_only=True)
class TrainingJob:
    """A training job as AWS describes it."""

    name: str
    status: str
    failure: str
    model_data: str
    metrics: Mapping[str, float]
    hyperparameters: Mapping[str, str]
    seconds: float
    # What is paid for, and how often capacity was taken back.
    billable_seconds: float = 0.0
    interruptions: int = 0
    spot: bool = False

    @property
    def ended(self) -> bool:
        """Tell whether the job will change no more."""
        return self.status in _ENDED


class Training:
    """Start, find and await training jobs."""

    def __init__(self, client: "SageMakerClient", *, poll_seconds: float) -> None:
        self._client = client
        self._poll_seconds = poll_seconds

    def find(self, name: str) -> TrainingJob | None:
        """Describe a job; None when there is none of that name."""
        if not name:
            return None
        try:
            return _job(self._client.describe_training_job(TrainingJobName=name))
        except botocore.exceptions.ClientError as err:
            if is_missing(err):
                return None
            raise

    def described(self, name: str) -> Mapping[str, object]:
        """Return a job in AWS's own words."""
        return self._client.describe_training_job(TrainingJobName=name)

    def stop(self, name: str) -> None:
        """Stop a job that runs."""
        self._client.stop_training_job(TrainingJobName=name)

    def attempts(self, base: str) -> tuple[TrainingJob, ...]:
        """Find every job that ran for one fingerprint, oldest first."""
        jobs: list[TrainingJob] = []
        while job := self.find(attempt_name(base, len(jobs) + 1)):
            jobs.append(job)
        return tuple(jobs)

    def start(self, request: TrainingRequest) -> bool:
        """Start a job; False when another run has just started the same one."""
        try:
            self._client.create_training_job(**as_request(request))
        except botocore.exceptions.ClientError as err:
            if error_code(err) == "ResourceInUse":
                return False
            raise
        return True

    def wait(self, name: str, progress: Callable[[str], None]) -> TrainingJob:
        """Wait until the job ends."""
        began, shown = time.monotonic(), ""
        while True:
            answer = self._client.describe_training_job(TrainingJobName=name)
            if (job := _job(answer)).ended:
                return job
            if (status := answer["SecondaryStatus"]) != shown:
                progress(f"training job {name}: {status} after {time.monotonic() - began:.0f} s")
                shown = status
            time.sleep(self._poll_seconds)


def as_request(request: TrainingRequest) -> "CreateTrainingJobRequestTypeDef":
    """Return what CreateTrainingJob takes."""
    document: CreateTrainingJobRequestTypeDef = {
        "TrainingJobName": request.name,
        "RoleArn": request.role_arn,
        "AlgorithmSpecification": {
            "TrainingImage": request.image_uri,
            "TrainingInputMode": "File",
            "MetricDefinitions": metric_definitions(request.metrics),
        },
        "HyperParameters": dict(request.hyperparameters),
        "Environment": dict(request.environment),
        "InputDataConfig": channels(request),
        # Without a key SageMaker takes the account's own for S3, which no other account can use.
        "OutputDataConfig": {"S3OutputPath": request.output_uri, "KmsKeyId": request.output_key},
        "ResourceConfig": resources(request),
        "StoppingCondition": {"MaxRuntimeInSeconds": request.max_runtime_seconds},
        "Tags": [{"Key": key, "Value": value} for key, value in request.tags.items()],
    }
    if request.max_wait_seconds is not None:
        document["EnableManagedSpotTraining"] = True
        document["StoppingCondition"]["MaxWaitTimeInSeconds"] = request.max_wait_seconds
    if request.checkpoint_uri is not None:
        document["CheckpointConfig"] = {"S3Uri": request.checkpoint_uri}
    return document


def attempt_name(base: str, attempt: int) -> str:
    """Name the n-th job of one fingerprint: AWS never frees a training job's name."""
    return base if attempt == 1 else f"{base}-{attempt}"


def metric_definitions(names: Sequence[str]) -> "list[MetricDefinitionTypeDef]":
    """Have SageMaker read what train.py prints as `name=value;`."""
    return [{"Name": name, "Regex": f"{name}=([0-9.eE+-]+);"} for name in names]


def resources(request: TrainingRequest) -> "ResourceConfigTypeDef":
    """Return the machines of a job."""
    return {
        # New instance types appear long before the stubs know them.
        "InstanceType": cast("TrainingInstanceTypeType", request.instance_type),
        "InstanceCount": request.instance_count,
        "VolumeSizeInGB": request.volume_gb,
    }


def channels(request: TrainingRequest) -> "list[ChannelTypeDef]":
    """Return what a job reads."""
    found = [_channel("training", request.data_uri, content="text/csv")]
    if request.parent_uri:
        # SageMaker's own way to continue from a model: a channel of this name and content type.
        found.append(_channel("model", request.parent_uri, content="application/x-sagemaker-model"))
    return found


def _channel(name: str, uri: str, *, content: str) -> "ChannelTypeDef":
    return {
        "ChannelName": name,
        "ContentType": content,
        "DataSource": {
            "S3DataSource": {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
        },
    }


def _job(answer: "DescribeTrainingJobResponseTypeDef") -> TrainingJob:
    return TrainingJob(
        name=answer["TrainingJobName"],
        status=answer["TrainingJobStatus"],
        failure=answer.get("FailureReason", ""),
        model_data=answer.get("ModelArtifacts", {}).get("S3ModelArtifacts", ""),
        metrics={item["MetricName"]: item["Value"] for item in answer.get("FinalMetricDataList", [])},
        hyperparameters=answer.get("HyperParameters", {}),
        seconds=float(answer.get("TrainingTimeInSeconds", 0)),
        billable_seconds=float(answer.get("BillableTimeInSeconds", 0)),
        spot=answer.get("EnableManagedSpotTraining", False),
        interruptions=sum(step["Status"] == "Interrupted" for step in answer.get("SecondaryStatusTransitions", [])),
    )
