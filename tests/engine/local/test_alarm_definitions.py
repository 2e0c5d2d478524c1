"""PutMetricAlarm: what CloudWatch refuses, and an alarm whose evaluation breaks beside one that rings."""

import uuid
from typing import Any

import pytest
from sagemaker_gitops.local.cloudwatch.alarm_definition import check_alarm
from sagemaker_gitops.local.cloudwatch.alarms import Alarms
from sagemaker_gitops.local.server.context import Refusal
from sagemaker_gitops.stacks import observability
from sagemaker_gitops.stacks.observability import Scope
from tests.engine.local.harness import LocalAws, refused
from tests.sample import ROOT

TOPIC = "arn:aws:sns:us-east-1:123456789012:page"
METRIC = {"Namespace": "Own", "MetricName": "errors"}


def definition(**changes: Any) -> dict[str, Any]:
    """Return a definition that CloudWatch takes, changed; None leaves a member out."""
    good = {
        "AlarmName": "errors",
        **METRIC,
        "Statistic": "Sum",
        "Period": 60,
        "EvaluationPeriods": 2,
        "Threshold": 1.0,
        "ComparisonOperator": "GreaterThanThreshold",
    }
    return {name: value for name, value in {**good, **changes}.items() if value is not None}


def queried(*queries: dict[str, Any]) -> dict[str, Any]:
    """Return a definition on queries."""
    return definition(Metrics=list(queries), MetricName=None, Namespace=None, Statistic=None, Period=None)


def stat(name: str = "Sum", period: int = 60) -> dict[str, Any]:
    """Return what a query on one metric asks for."""
    return {"Metric": METRIC, "Stat": name, "Period": period}


@pytest.mark.parametrize(
    "good",
    [
        definition(),
        definition(Statistic=None, ExtendedStatistic="p99.9", DatapointsToAlarm=2, TreatMissingData="ignore"),
        definition(Statistic=None, ExtendedStatistic="p95", EvaluateLowSampleCountPercentile="ignore"),
        definition(EvaluateLowSampleCountPercentile="evaluate"),
        definition(AlarmActions=[TOPIC], OKActions=[TOPIC], Period=10, EvaluationPeriods=8640),
        definition(Period=3600, EvaluationPeriods=168),
        queried({"Id": "a", "MetricStat": stat(), "ReturnData": False}, {"Id": "b", "Expression": "FILL(a, 0) * 2"}),
    ],
)
def test_definition_that_cloudwatch_takes(good: dict[str, Any]) -> None:
    """The edges of what is allowed pass."""
    check_alarm(good)


@pytest.mark.parametrize("scope", ["endpoint", "variant"])
def test_alarms_of_a_project_are_taken(scope: Scope) -> None:
    """What monitoring/alarms asks for is what a release depends on."""
    values: dict[str, str | float] = {"EndpointName": "a", "VariantName": "b", "Runbook": "docs/operate.md"}
    values["P95LatencyMicroseconds"] = 50_000.0

    made = observability.alarms(ROOT, scope, values)

    assert made
    for name, alarm in made.items():
        check_alarm({"AlarmName": name, **alarm})


@pytest.mark.parametrize(
    "changed",
    [
        definition(Statistic=None),
        definition(ExtendedStatistic="p90"),
        definition(Statistic=None, ExtendedStatistic="p101"),
        definition(DatapointsToAlarm=3),
        definition(EvaluationPeriods=0),
        definition(TreatMissingData="zero"),
        definition(Statistic=None, ExtendedStatistic="p95", EvaluateLowSampleCountPercentile="never"),
        definition(Period=45),
        definition(Period=None),
        definition(Namespace=None),
        definition(Threshold=None),
        definition(ComparisonOperator="Above"),
        definition(AlarmActions=["page"]),
        definition(Period=60, EvaluationPeriods=1441),
        definition(Period=3600, EvaluationPeriods=169),
        definition(MetricName=None),
        definition(Metrics=[{"Id": "a", "MetricStat": stat()}]),
        queried({"Id": "a", "MetricStat": stat()}, {"Id": "b", "Expression": "a"}),
        queried({"Id": "a", "MetricStat": stat(), "ReturnData": False}),
        queried({"Id": "a", "MetricStat": stat("p200")}),
        queried({"Id": "a", "MetricStat": stat(), "ReturnData": False}, {"Id": "b", "Expression": "FILL(a)"}),
        queried({"Id": "a", "MetricStat": stat(), "ReturnData": False}, {"Id": "b", "Expression": "absent / a"}),
    ],
)
def test_definition_that_cloudwatch_refuses(changed: dict[str, Any]) -> None:
    """Each by the code that CloudWatch has for it."""
    with pytest.raises(Refusal) as caught:
        check_alarm(changed)

    assert caught.value.code == "ValidationError"


@pytest.mark.parametrize(
    "changed",
    [
        definition(ComparisonOperator="LessThanLowerThreshold", Threshold=None, ThresholdMetricId="a"),
        definition(EvaluateLowSampleCountPercentile="ignore"),
        definition(AlarmActions=["arn:aws:automate:us-east-1:ec2:stop"]),
        definition(Statistic=None, ExtendedStatistic="tm90"),
        queried({"Id": "a", "MetricStat": stat(), "ReturnData": False}, {"Id": "b", "MetricStat": stat(period=300)}),
    ],
)
def test_definition_that_would_not_be_evaluated_is_no_alarm(changed: dict[str, Any]) -> None:
    """501, and never an alarm that cannot ring."""
    with pytest.raises(Refusal) as caught:
        check_alarm(changed)

    assert (caught.value.status, caught.value.code) == (501, "NotImplementedByLocalAWS")


def test_refusal_reaches_the_caller(aws: LocalAws) -> None:
    """Before moto keeps the alarm; a composite alarm is not evaluated here at all."""
    cloudwatch, name = aws.client("cloudwatch"), f"half-{uuid.uuid4().hex[:8]}"

    code, _ = refused(cloudwatch.put_metric_alarm, **definition(AlarmName=name, Statistic=None))
    composite, _ = refused(cloudwatch.put_composite_alarm, AlarmName=name, AlarmRule="ALARM(other)")

    assert (code, composite) == ("ValidationError", "NotImplementedByLocalAWS")
    assert cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"] == []


def test_alarm_that_cannot_be_evaluated_blinds_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever breaks at one alarm, those behind it are looked at."""
    looked: list[str] = []
    alarms = Alarms.__new__(Alarms)
    named = [(None, {"AlarmName": name}) for name in ("malformed", "good")]
    monkeypatch.setattr(alarms, "_flush", lambda: None, raising=False)
    monkeypatch.setattr(alarms, "_all", lambda: named)
    monkeypatch.setattr(alarms, "_told", {}, raising=False)

    def look_at(_: object, alarm: dict[str, str]) -> None:
        if alarm["AlarmName"] == "malformed":
            raise KeyError("Statistic")
        looked.append(alarm["AlarmName"])

    monkeypatch.setattr(alarms, "_look_at", look_at)

    alarms.look()

    assert looked == ["good"]
