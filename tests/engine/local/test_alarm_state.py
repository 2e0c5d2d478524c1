"""When an alarm is in ALARM: M out of N, and what missing data counts for."""

from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops.local.cloudwatch.alarm_evaluation import evaluate, state_of
from sagemaker_gitops.local.cloudwatch.metrics import Datum, Metrics, series_of
from sagemaker_gitops.local.server.context import Clock, Place


def alarm(**changes: Any) -> dict[str, Any]:
    """Return an alarm above 5 in two of three periods."""
    return {
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 5.0,
        "EvaluationPeriods": 3,
        "DatapointsToAlarm": 2,
        **changes,
    }


@pytest.mark.parametrize(
    ("changes", "values", "expected"),
    [
        ({}, [6, 1, 6], "ALARM"),
        ({}, [5, 1, 6], "OK"),
        ({}, [None, 6, 6], "ALARM"),
        ({}, [None, None, 6], "OK"),
        ({}, [None, None, None], "INSUFFICIENT_DATA"),
        ({"TreatMissingData": "breaching"}, [None, None, 1], "ALARM"),
        ({"TreatMissingData": "notBreaching"}, [None, None, None], "OK"),
        ({"TreatMissingData": "notBreaching"}, [None, 6, 6], "ALARM"),
        ({"TreatMissingData": "ignore"}, [None, None, None], None),
        ({"TreatMissingData": "ignore"}, [None, 6, 6], "ALARM"),
        ({"ComparisonOperator": "LessThanOrEqualToThreshold"}, [5, 5, 9], "ALARM"),
        ({"ComparisonOperator": "LessThanThreshold"}, [5, 5, 4], "OK"),
        ({"ComparisonOperator": "GreaterThanOrEqualToThreshold"}, [5, 5, 4], "ALARM"),
    ],
)
def test_state_by_values(changes: dict[str, Any], values: list[float | None], expected: str | None) -> None:
    """The state follows from the last periods' values; None means that it stays."""
    verdict = state_of(alarm(**changes), values)

    assert (verdict.state if verdict else None) == expected


def test_without_datapoints_to_alarm_every_period_counts() -> None:
    """M defaults to N."""
    definition = {k: v for k, v in alarm().items() if k != "DatapointsToAlarm"}

    two, three = state_of(definition, [1, 6, 6]), state_of(definition, [6, 6, 6])

    assert two is not None
    assert three is not None
    assert (two.state, three.state) == ("OK", "ALARM")


@pytest.mark.parametrize(
    ("percentile", "treatment", "samples", "expected"),
    [
        ("p95", "ignore", 199, None),
        ("p95", "ignore", 200, "ALARM"),
        ("p95", "evaluate", 199, "ALARM"),
        ("p99", "ignore", 999, None),
        ("p20", "ignore", 50, "ALARM"),
        ("p95", "ignore", 0, "OK"),
    ],
)
def test_percentile_of_too_few_samples_changes_no_state(
    tmp_path: Path, percentile: str, treatment: str, samples: int, expected: str | None
) -> None:
    """Below 10 / (1 - percentile) samples the state stays, if the alarm says so; without any, data is missing."""
    place, metrics, clock = Place(account="111122223333", region="eu-west-1"), Metrics(tmp_path / "metrics"), Clock()
    series = series_of(place, "AWS/SageMaker", "ModelLatency", {})
    slow = {"Namespace": series.namespace, "MetricName": series.name, "Period": 60, "ExtendedStatistic": percentile}
    definition = alarm(**slow, TreatMissingData="notBreaching", EvaluateLowSampleCountPercentile=treatment)
    ages = [(0.5, samples // 2), (1.5, samples - samples // 2)]
    metrics.put((series, Datum(time=100 - age, values=(9.0,), counts=(float(n),))) for age, n in ages if n)

    verdict = evaluate(metrics, place, definition, clock=clock, now=100.0)

    assert (verdict.state if verdict else None) == expected
