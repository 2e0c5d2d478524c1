"""Alarms and dashboard: valid for CloudWatch, and about metrics that somebody really writes."""

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, get_args

import botocore.session
import pytest
from botocore.validate import ParamValidator

from pipeline import observability
from pipeline.drift.config import MonitorConfig
from pipeline.drift.finding import Outcome
from pipeline.drift.gauges import NAMESPACE, outcome_gauges, window_gauges
from pipeline.drift.truth import read_truth
from pipeline.drift.verdict import evaluate
from pipeline.errors import ConfigurationError
from pipeline.tests.drift.worlds import World, events, read, truth_lines

ROOT = Path(__file__).parents[3]
VALUES: dict[str, str | float] = {
    "EndpointName": "loan-approval-prod",
    "VariantName": "v3-ab12cd34",
    "P95LatencyMicroseconds": 150000.0,
    "Region": "eu-west-1",
    "Runbook": "docs/operate.md",
}
SAGEMAKER = {"Invocations", "Invocation4XXErrors", "Invocation5XXErrors", "ModelLatency", "OverheadLatency"}
ALARMS = [
    alarm for scope in get_args(observability.Scope) for alarm in observability.alarms(ROOT, scope, VALUES).items()
]


@pytest.fixture(scope="session")
def written(world: World) -> set[str]:
    """Name every metric that a run over labelled traffic of two groups writes."""
    sample = world.sample(1000, seed=0)
    truth = read_truth(truth_lines(sample, encoding="JSON"), world.baseline.contract)
    tally = read(world, [events(sample)], truth=truth)
    verdict = evaluate(world.baseline, tally, MonitorConfig())
    told = [*outcome_gauges(Outcome.OK), *window_gauges(world.baseline, tally, verdict)]
    return {name for name, _, _ in told}


@pytest.mark.parametrize(("name", "alarm"), ALARMS, ids=[name for name, _ in ALARMS])
def test_alarm_is_what_cloudwatch_takes(name: str, alarm: dict[str, Any], written: set[str]) -> None:
    """Its parameters fit PutMetricAlarm, its name its file, its metric a writer, its text the runbook."""
    model = botocore.session.get_session().get_service_model("cloudwatch")
    shape = model.operation_model("PutMetricAlarm").input_shape
    assert shape

    problems = ParamValidator().validate(alarm, shape).generate_report()

    assert problems == ""
    assert alarm["AlarmName"].endswith(f"-{name}")
    assert f"docs/operate.md#{name}" in alarm["AlarmDescription"]
    assert set(re.findall(r'"MetricName": "(\w+)"', json.dumps(alarm))) <= written | SAGEMAKER
    assert "${" not in json.dumps(alarm)


def test_silence_of_the_monitor_rings() -> None:
    """The heartbeat treats missing data as breaching; no other alarm on the monitor may do that work."""
    alarms = observability.alarms(ROOT, "endpoint", VALUES)

    assert alarms["heartbeat"]["TreatMissingData"] == "breaching"
    assert {name for name, alarm in alarms.items() if alarm["TreatMissingData"] == "breaching"} == {
        "heartbeat",
        "traffic",
    }


def test_dashboard_shows_metrics_that_exist(written: set[str]) -> None:
    """Every metric on the dashboard is SageMaker's or the monitor's own."""
    body = json.loads(observability.dashboard(ROOT, VALUES))
    text = json.dumps(body)

    searched = set(re.findall(r'MetricName=\\+"(\w+)', text))
    plotted = {
        metric[1] for widget in body["widgets"] for metric in widget["properties"]["metrics"] if metric[0] == NAMESPACE
    }
    assert searched | plotted <= written | SAGEMAKER
    assert {"Psi", "PositiveRate", "Invocations", "Invocation5XXErrors", "ModelLatency"} <= searched | plotted
    assert "${" not in text


def test_releases_are_annotations_on_the_dashboard() -> None:
    """Every widget over time shows when which release came."""
    moment = datetime(2026, 11, 23, 12, tzinfo=UTC)

    body = json.loads(observability.dashboard(ROOT, VALUES, [(moment, "v3")]))

    marks = [widget["properties"]["annotations"]["vertical"] for widget in body["widgets"]]
    assert all(mark == [{"label": "v3", "value": "2026-11-23T12:00:00+00:00"}] for mark in marks)


def test_a_forgotten_value_is_named() -> None:
    """A placeholder without a value is an error that says which."""
    with pytest.raises(ConfigurationError, match="P95LatencyMicroseconds"):
        observability.dashboard(ROOT, {"EndpointName": "x", "Region": "eu-west-1"})


@pytest.mark.parametrize("name", ["schema.json", "statistics.json", "constraints.json"])
def test_baselines_in_the_repository_are_those_of_its_data(world: World, name: str) -> None:
    """monitoring/baselines holds what training on this data and schema writes; copy the new files when it changes."""
    kept = json.loads((ROOT / "monitoring/baselines" / name).read_text())

    assert kept == json.loads(world.files[name])
