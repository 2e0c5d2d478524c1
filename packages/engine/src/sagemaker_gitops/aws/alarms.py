"""CloudWatch alarms that come and go with an endpoint's variants."""

from collections.abc import Collection, Iterable, Mapping
from itertools import islice
from typing import TYPE_CHECKING, Any

from sagemaker_gitops.aws.session import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient

# CloudWatch's own limit for one request.
_DELETED_AT_ONCE = 100


class Alarms:
    """CloudWatch's alarms, defined in the words of PutMetricAlarm."""

    def __init__(self, client: "CloudWatchClient") -> None:
        self._client = client

    @aws_errors()
    def names(self, prefix: str) -> list[str]:
        """List the alarms whose names start so."""
        pages = self._client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
        return [item["AlarmName"] for page in pages for item in page["MetricAlarms"]]

    @aws_errors()
    def put(self, definitions: Iterable[Mapping[str, Any]]) -> None:
        """Create alarms, or replace their definitions; the state of one that exists stays."""
        for definition in definitions:
            self._client.put_metric_alarm(**definition)

    @aws_errors()
    def delete(self, names: Collection[str]) -> None:
        """Delete alarms; one that is gone already is no error."""
        waiting = iter(sorted(names))
        while batch := list(islice(waiting, _DELETED_AT_ONCE)):
            self._client.delete_alarms(AlarmNames=batch)
