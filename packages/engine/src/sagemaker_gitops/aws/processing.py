"""Processing jobs: one command of ours on managed instances, each with its share of some objects."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sagemaker_gitops.aws.session import aws_errors
from sagemaker_gitops.errors import MonitorBroken

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.literals import ProcessingInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import ProcessingInputTypeDef

ROOT = "/opt/ml/processing"
_ENDED = frozenset({"Completed", "Failed", "Stopped"})


@dataclass(frozen=True, kw_only=True)
class ProcessingRequest:
    """A job: what it runs, what every instance gets whole (`shared`), and the manifest of what they share out."""

    name: str
    image_uri: str
    role_arn: str
    script: str
    shared: dict[str, str]
    manifest_name: str
    manifest_uri: str
    output_uri: str
    output_key: str
    instance_type: str
    instances: int
    volume_gb: int
    max_runtime_seconds: int
    tags: dict[str, str]


class Processing:
    """SageMaker's processing jobs."""

    def __init__(self, client: "SageMakerClient", *, poll_seconds: float) -> None:
        self._client = client
        self._poll_seconds = poll_seconds

    @aws_errors()
    def run(self, request: ProcessingRequest, progress: Callable[[str], None]) -> None:
        """Start a job and wait until it has succeeded."""
        self._create(request)
        while (answer := self._client.describe_processing_job(ProcessingJobName=request.name))[
            "ProcessingJobStatus"
        ] not in _ENDED:
            progress(f"processing job {request.name}: {answer['ProcessingJobStatus']}")
            time.sleep(self._poll_seconds)
        if answer["ProcessingJobStatus"] != "Completed":
            raise MonitorBroken(
                f"processing job {request.name} ended as {answer['ProcessingJobStatus']}: "
                f"{answer.get('FailureReason') or answer.get('ExitMessage') or 'no reason was given'}",
                where=f"log group /aws/sagemaker/ProcessingJobs, streams {request.name}/…",
                next_step="read the log; monitor.processing in infra/config sizes the job",
            )

    def _create(self, request: ProcessingRequest) -> None:
        self._client.create_processing_job(
            ProcessingJobName=request.name,
            RoleArn=request.role_arn,
            AppSpecification={"ImageUri": request.image_uri, "ContainerEntrypoint": ["python", request.script]},
            ProcessingInputs=[
                *(
                    _input(name, uri, kind="S3Prefix", sharing="FullyReplicated")
                    for name, uri in request.shared.items()
                ),
                _input(request.manifest_name, request.manifest_uri, kind="ManifestFile", sharing="ShardedByS3Key"),
            ],
            ProcessingOutputConfig={
                "KmsKeyId": request.output_key,
                "Outputs": [
                    {
                        "OutputName": "tallies",
                        "S3Output": {
                            "S3Uri": request.output_uri,
                            "LocalPath": f"{ROOT}/output",
                            "S3UploadMode": "EndOfJob",
                        },
                    }
                ],
            },
            ProcessingResources={
                "ClusterConfig": {
                    "InstanceCount": request.instances,
                    # New instance types appear long before the stubs know them.
                    "InstanceType": cast("ProcessingInstanceTypeType", request.instance_type),
                    "VolumeSizeInGB": request.volume_gb,
                }
            },
            StoppingCondition={"MaxRuntimeInSeconds": request.max_runtime_seconds},
            Tags=[{"Key": key, "Value": value} for key, value in request.tags.items()],
        )


def manifest(bucket: str, keys: Sequence[str]) -> list[dict[str, str] | str]:
    """List objects in the form of a ManifestFile."""
    return [{"prefix": f"s3://{bucket}/"}, *keys]


def _input(name: str, uri: str, *, kind: str, sharing: str) -> "ProcessingInputTypeDef":
    return cast(
        "ProcessingInputTypeDef",
        {
            "InputName": name,
            "S3Input": {
                "S3Uri": uri,
                "LocalPath": f"{ROOT}/input/{name}",
                "S3DataType": kind,
                "S3InputMode": "File",
                "S3DataDistributionType": sharing,
            },
        },
    )
