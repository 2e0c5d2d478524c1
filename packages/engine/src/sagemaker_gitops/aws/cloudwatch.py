"""CloudWatch: what was counted for a variant, the alarms that come and go with variants, and dashboards."""

import math
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING, Any

import botocore.exceptions

from sagemaker_gitops.aws.session import aws_errors, error_code

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

_NAMESPACE = "AWS/SageMaker"
_COUNTS = {
    "requests": "Invocations",
    "errors": "Invocation5XXErrors",
    "rejected": "Invocation4XXErrors",
    # Whatever was no 2xx: also time-outs, broken connections and malformed answers, which have no status.
    "unanswered": "InvocationModelErrors",
}
_LATENCIES = {"p50": "p50", "p95": "p95"}
# CloudWatch keeps SageMaker's metrics at one minute, and measures ModelLatency in microseconds.
_MINUTE = 60
_MICROSECONDS = 1000
# CloudWatch's own limit for one request.
_DELETED_AT_ONCE = 100
_MISSING = frozenset({"ResourceNotFound", "DashboardNotFoundError"})


@dataclass(frozen=True, kw_only=True)
class Traffic:
    """What was counted for one variant; `errors` are all failures but refusals; latencies in milliseconds if any."""

    requests: int = 0
    errors: int = 0
    rejected: int = 0
    p50_ms: float | None = None
    p95_ms: float | None = None


class Metrics:
    """CloudWatch's metrics and alarms."""

    def __init__(self, client: "CloudWatchClient") -> None:
        self._client = client

    @aws_errors()
    def traffic(self, endpoint: str, variant: str, *, since: datetime, until: datetime) -> Traffic:
        """Sum up what a variant answered between two moments."""
        period = max(1, math.ceil((until - since).total_seconds() / _MINUTE)) * _MINUTE
        queries = [_query(key, endpoint, variant, name, "Sum", period) for key, name in _COUNTS.items()]
        queries += [_query(key, endpoint, variant, "ModelLatency", stat, period) for key, stat in _LATENCIES.items()]
        pages = self._client.get_paginator("get_metric_data").paginate(
            MetricDataQueries=queries, StartTime=since, EndTime=until
        )
        values: dict[str, list[float]] = {}
        for page in pages:
            for result in page["MetricDataResults"]:
                values.setdefault(result["Id"], []).extend(result["Values"])
        counts = {key: int(sum(values.get(key, []))) for key in _COUNTS}
        return Traffic(
            requests=counts["requests"],
            errors=max(counts["errors"], counts["unanswered"] - counts["rejected"]),
            rejected=counts["rejected"],
            p50_ms=_milliseconds(values.get("p50", [])),
            p95_ms=_milliseconds(values.get("p95", [])),
        )

    @aws_errors()
    def alarms(self, prefix: str) -> dict[str, str]:
        """Read the state of every alarm whose name starts so."""
        pages = self._client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
        return {item["AlarmName"]: item["StateValue"] for page in pages for item in page["MetricAlarms"]}


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


class Dashboards:
    """Dashboards by name."""

    def __init__(self, client: "CloudWatchClient") -> None:
        self._client = client

    def put(self, name: str, body: str) -> str:
        """Create a dashboard, or replace what it shows; return AWS's refusal, if it is one."""
        try:
            self._client.put_dashboard(DashboardName=name, DashboardBody=body)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as err:
            return str(err)
        return ""

    @aws_errors()
    def delete(self, name: str) -> None:
        """Delete a dashboard; one that is gone already is no error."""
        try:
            self._client.delete_dashboards(DashboardNames=[name])
        except botocore.exceptions.ClientError as err:
            if error_code(err) not in _MISSING:
                raise


def _query(key: str, endpoint: str, variant: str, metric: str, statistic: str, period: int) -> "MetricDataQueryTypeDef":
    return {
        "Id": key,
        "MetricStat": {
            "Metric": {
                "Namespace": _NAMESPACE,
                "MetricName": metric,
                "Dimensions": [
                    {"Name": "EndpointName", "Value": endpoint},
                    {"Name": "VariantName", "Value": variant},
                ],
            },
            "Period": period,
            "Stat": statistic,
        },
    }


def _milliseconds(values: list[float]) -> float | None:
    # A window can fall into two periods; the worse one counts.
    return max(values) / _MICROSECONDS if values else None
