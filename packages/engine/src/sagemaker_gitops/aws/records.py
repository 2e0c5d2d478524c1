"""The line that the container logs for each request, in CloudWatch Logs."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

import botocore.exceptions

from sagemaker_gitops.aws.session import aws_errors, is_missing

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient


class Records:
    """The log group of one endpoint's containers."""

    def __init__(self, client: "CloudWatchLogsClient") -> None:
        self._client = client

    @aws_errors()
    def find(self, endpoint: str, inference_id: str, *, since: datetime, until: datetime) -> dict[str, Any] | None:
        """Look for the record of one prediction; CloudWatch searches, nothing is downloaded."""
        pages = self._client.get_paginator("filter_log_events").paginate(
            logGroupName=f"/aws/sagemaker/Endpoints/{endpoint}",
            filterPattern=f'"{inference_id}"',
            startTime=int(since.timestamp() * 1000),
            endTime=int(until.timestamp() * 1000) + 1,
        )
        try:
            for page in pages:
                for event in page["events"]:
                    record = _record(event.get("message", ""))
                    if record.get("inference_id") == inference_id:
                        return record
        except botocore.exceptions.ClientError as err:
            if not is_missing(err):
                raise
        return None


def _record(message: str) -> dict[str, Any]:
    try:
        record = json.loads(message)
    except ValueError:
        return {}
    return record if isinstance(record, dict) else {}
