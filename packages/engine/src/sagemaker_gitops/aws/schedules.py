"""SageMaker Model Monitor's own schedules, for accounts that used it before it closed to new ones."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

import botocore.exceptions

from sagemaker_gitops.aws.session import create_once, error_code, found
from sagemaker_gitops.errors import AwsRefused

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.literals import ProcessingInstanceTypeType
    from mypy_boto3_sagemaker.type_defs import MonitoringScheduleConfigTypeDef

_ROOT = "/opt/ml/processing"
_HOURLY = "cron(0 * ? * * *)"


@dataclass(frozen=True, kw_only=True)
class ScheduleRequest:
    """An hourly data quality job over one endpoint, against two files in S3."""

    endpoint: str
    definition: str
    image_uri: str
    role_arn: str
    statistics_uri: str
    constraints_uri: str
    output_uri: str
    output_key: str
    instance_type: str
    volume_gb: int
    max_runtime_seconds: int

    @property
    def name(self) -> str:
        """The schedule's name: an endpoint has one."""
        return f"{self.endpoint}-data-quality"


class Schedules:
    """Model Monitor's job definitions and schedules."""

    def __init__(self, client: "SageMakerClient") -> None:
        self._client = client

    def put(self, request: ScheduleRequest) -> bool:
        """Create the endpoint's schedule, or point it at this definition; say whether it is new."""
        try:
            create_once(lambda: self._define(request))
            return self._schedule(request)
        except botocore.exceptions.ClientError as err:
            raise AwsRefused(
                str(err),
                where=f"Model Monitor, {error_code(err)}",
                next_step="Model Monitor takes no accounts that are new to it since 2026-07-30: leave --engine out",
            ) from err

    def _schedule(self, request: ScheduleRequest) -> bool:
        config: MonitoringScheduleConfigTypeDef = {
            "ScheduleConfig": {"ScheduleExpression": _HOURLY},
            "MonitoringJobDefinitionName": request.definition,
            "MonitoringType": "DataQuality",
        }
        if found(lambda: self._client.describe_monitoring_schedule(MonitoringScheduleName=request.name)):
            self._client.update_monitoring_schedule(
                MonitoringScheduleName=request.name, MonitoringScheduleConfig=config
            )
            return False
        self._client.create_monitoring_schedule(MonitoringScheduleName=request.name, MonitoringScheduleConfig=config)
        return True

    def _define(self, request: ScheduleRequest) -> None:
        self._client.create_data_quality_job_definition(
            JobDefinitionName=request.definition,
            DataQualityBaselineConfig={
                "ConstraintsResource": {"S3Uri": request.constraints_uri},
                "StatisticsResource": {"S3Uri": request.statistics_uri},
            },
            DataQualityAppSpecification={"ImageUri": request.image_uri},
            DataQualityJobInput={
                "EndpointInput": {"EndpointName": request.endpoint, "LocalPath": f"{_ROOT}/input/endpoint"}
            },
            DataQualityJobOutputConfig={
                "KmsKeyId": request.output_key,
                "MonitoringOutputs": [
                    {
                        "S3Output": {
                            "S3Uri": request.output_uri,
                            "LocalPath": f"{_ROOT}/output",
                            "S3UploadMode": "EndOfJob",
                        }
                    }
                ],
            },
            JobResources={
                "ClusterConfig": {
                    "InstanceCount": 1,
                    "InstanceType": cast("ProcessingInstanceTypeType", request.instance_type),
                    "VolumeSizeInGB": request.volume_gb,
                }
            },
            RoleArn=request.role_arn,
            StoppingCondition={"MaxRuntimeInSeconds": request.max_runtime_seconds},
        )
