"""What CloudWatch counted for one variant of an endpoint."""

import math
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from sagemaker_gitops.aws.session import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDataQueryTypeDef

_NAMESPACE = "AWS/SageMaker"
_COUNTS = {"requests": "Invocations", "errors": "Invocation5XXErrors", "rejected": "Invocation4XXErrors"}
_LATENCIES = {"p50": "p50", "p95": "p95"}
# CloudWatch keeps SageMaker's metrics at one minute, and measures ModelLatency in microseconds.
_MINUTE = 60
_MICROSECONDS = 1000


@dataclass(frozen=True, kw_only=True)
class VariantTraffic:
    """Counts of requests, and the model's latency in milliseconds (None without requests)."""

    requests: int
    errors: int
    rejected: int
    p50_ms: float | None
    p95_ms: float | None


class Metrics:
    """CloudWatch's metrics and alarms."""

    def __init__(self, client: "CloudWatchClient") -> None:
        self._client = client

    @aws_errors()
    def traffic(self, endpoint: str, variant: str, *, since: datetime, until: datetime) -> VariantTraffic:
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
        return VariantTraffic(
            requests=int(sum(values.get("requests", []))),
            errors=int(sum(values.get("errors", []))),
            rejected=int(sum(values.get("rejected", []))),
            p50_ms=_milliseconds(values.get("p50", [])),
            p95_ms=_milliseconds(values.get("p95", [])),
        )

    @aws_errors()
    def alarms(self, prefix: str) -> dict[str, str]:
        """Read the state of every alarm whose name starts so."""
        pages = self._client.get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
        return {item["AlarmName"]: item["StateValue"] for page in pages for item in page["MetricAlarms"]}


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
