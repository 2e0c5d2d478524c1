"""Model Monitor's schedules: requests as AWS takes them, for who may still make them."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import ClientError
from sagemaker_gitops.aws.schedules import ScheduleRequest, Schedules
from sagemaker_gitops.errors import AwsRefused
from sagemaker_gitops.local.server import model
from sagemaker_gitops.local.server.context import Refusal

REQUEST = ScheduleRequest(
    endpoint="loan-approval-prod",
    definition="loan-approval-prod-ab12cd34",
    image_uri="123456789012.dkr.ecr.eu-west-1.amazonaws.com/sagemaker-model-monitor-analyzer",
    role_arn="arn:aws:iam::111111111111:role/loan-approval-monitoring-prod",
    statistics_uri="s3://b/statistics.json",
    constraints_uri="s3://b/constraints.json",
    output_key="alias/loans-dev",
    output_uri="s3://b/model-monitor",
    instance_type="ml.m6i.large",
    volume_gb=30,
    max_runtime_seconds=3600,
)


class Client:
    """Keeps what the service model accepts, and refuses names that exist, as SageMaker does."""

    def __init__(self, *, closed: bool = False) -> None:
        self._closed = closed
        self.asked: list[str] = []
        self._schedules: set[str] = set()
        self._definitions: set[str] = set()

    def create_data_quality_job_definition(self, **request: Any) -> None:
        """Create a definition once."""
        self._check("CreateDataQualityJobDefinition", request)
        if self._closed:
            raise _error("AccessDeniedException", "not available to new customers", "CreateDataQualityJobDefinition")
        if request["JobDefinitionName"] in self._definitions:
            raise _error("ResourceInUse", "Job definition already exists", "CreateDataQualityJobDefinition")
        self._definitions.add(request["JobDefinitionName"])

    def describe_monitoring_schedule(self, **request: Any) -> dict[str, str]:
        """Describe a schedule."""
        if request["MonitoringScheduleName"] not in self._schedules:
            raise _error("ResourceNotFound", "Monitoring Schedule not found", "DescribeMonitoringSchedule")
        return {}

    def create_monitoring_schedule(self, **request: Any) -> None:
        """Create a schedule."""
        self._check("CreateMonitoringSchedule", request)
        self._schedules.add(request["MonitoringScheduleName"])

    def update_monitoring_schedule(self, **request: Any) -> None:
        """Change a schedule."""
        self._check("UpdateMonitoringSchedule", request)

    def _check(self, operation: str, request: dict[str, Any]) -> None:
        model.check(model.operation("sagemaker", operation), request)
        self.asked.append(operation)


def _error(code: str, message: str, operation: str) -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": message}}, operation)


def test_a_schedule_is_created_then_updated() -> None:
    """The first run creates definition and schedule, the second points the schedule anew."""
    client: Any = Client()

    first, second = (Schedules(client).put(REQUEST) for _ in range(2))

    assert (first, second) == (True, False)
    assert client.asked.count("CreateMonitoringSchedule") == 1
    assert client.asked[-1] == "UpdateMonitoringSchedule"


def test_longest_project_name_fits() -> None:
    """Names of definition and schedule stay within AWS's 63 characters."""
    endpoint = f"{'a' * 32}-staging"
    client: Any = Client()

    assert Schedules(client).put(replace(REQUEST, endpoint=endpoint, definition=f"{endpoint}-ab12cd34"))


@pytest.mark.parametrize("wrong", [{"instance_type": "ml.huge"}, {"definition": "a_b"}, {"max_runtime_seconds": 90000}])
def test_request_that_aws_would_refuse_is_refused_here(wrong: dict[str, Any]) -> None:
    """The check of the other tests can fail: by enumeration, pattern and range."""
    client: Any = Client()

    with pytest.raises(Refusal, match="constraint"):
        Schedules(client).put(replace(REQUEST, **wrong))


def test_an_account_that_may_not_is_told_what_else_there_is() -> None:
    """A refusal names the date and the way without Model Monitor."""
    client: Any = Client(closed=True)

    with pytest.raises(AwsRefused, match="leave --engine out"):
        Schedules(client).put(REQUEST)
