"""Alarms and dashboard: valid for CloudWatch, and about metrics that somebody really writes."""

import json
import re
from datetime import UTC, datetime
from typing import Any, get_args

import botocore.session
import jsonschema  # type: ignore[import-untyped]
import pytest
from botocore.validate import ParamValidator
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.local.cloudwatch.metric_math import Math, Points
from sagemaker_gitops.monitor.answers import read_truth
from sagemaker_gitops.monitor.publish import NAMESPACE, outcome_metrics, window_metrics
from sagemaker_gitops.monitor.verdict import Outcome, evaluate
from sagemaker_gitops.project.monitor_config import MonitorConfig
from sagemaker_gitops.stacks import observability
from tests.engine.drift.worlds import World, events, read, truth_lines
from tests.sample import ROOT

VALUES: dict[str, str | float] = {
    "EndpointName": "loan-approval-prod",
    "VariantName": "v3-ab12cd34",
    "P95LatencyMicroseconds": 150000.0,
    "Region": "eu-west-1",
    "Runbook": "docs/operate.md",
}
SAGEMAKER = {
    "Invocations",
    "Invocation4XXErrors",
    "Invocation5XXErrors",
    "InvocationModelErrors",
    "ModelLatency",
    "OverheadLatency",
}
# Source: Amazon CloudWatch API Reference, "Dashboard Body Structure and Syntax", as far as this dashboard goes.
_TEXT, _NUMBER, _COLOUR = {"type": "string"}, {"type": "number"}, {"type": "string", "pattern": "^#[0-9a-fA-F]{6}$"}


def _object(required: tuple[str, ...] = (), /, **properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(required), "additionalProperties": False}


_STATISTIC = {"type": "string", "pattern": "^(SampleCount|Average|Sum|Minimum|Maximum|p[0-9]{1,2}([.][0-9]+)?)$"}
_SECONDS = {"enum": [1, 5, 10, 30, *range(60, 86401, 60)]}
_RENDERING: dict[str, Any] = {
    "color": _COLOUR,
    "label": _TEXT,
    "period": _SECONDS,
    "stat": _STATISTIC,
    "visible": {"type": "boolean"},
}
_EXPRESSION = _object(
    ("expression",), expression=_TEXT, id={"type": "string", "pattern": "^[a-z][a-zA-Z0-9_]*$"}, **_RENDERING
)
_METRIC = {
    "type": "array",
    "prefixItems": [_TEXT, _TEXT],
    "minItems": 2,
    "items": {"anyOf": [_TEXT, _object(id=_TEXT, **_RENDERING)]},
}
_ALONE = {"type": "array", "items": _EXPRESSION, "minItems": 1, "maxItems": 1}
_SIDE = _object(label=_TEXT, min=_NUMBER, max=_NUMBER, showUnits={"type": "boolean"})
_MOMENT = {"type": "string", "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"}
DASHBOARD = _object(
    ("widgets",),
    start=_TEXT,
    periodOverride={"enum": ["auto", "inherit"]},
    widgets={
        "type": "array",
        "maxItems": 500,
        "items": _object(
            ("type", "properties"),
            type={"const": "metric"},
            x={"type": "integer", "minimum": 0, "maximum": 23},
            y={"type": "integer", "minimum": 0},
            width={"type": "integer", "minimum": 1, "maximum": 24},
            height={"type": "integer", "minimum": 1, "maximum": 1000},
            properties=_object(
                ("region", "metrics"),
                title=_TEXT,
                region={"type": "string", "pattern": "^[a-z]{2}(-[a-z]+)+-[0-9]$"},
                view={"enum": ["timeSeries", "singleValue", "gauge", "bar", "pie", "table"]},
                stacked={"type": "boolean"},
                stat=_STATISTIC,
                period=_SECONDS,
                metrics={
                    "type": "array",
                    "minItems": 1,
                    "maxItems": 500,
                    "items": {"anyOf": [_ALONE, _METRIC]},
                },
                yAxis=_object(left=_SIDE, right=_SIDE),
                annotations=_object(
                    horizontal={
                        "type": "array",
                        "items": _object(("value",), value=_NUMBER, label=_TEXT, color=_COLOUR),
                    },
                    vertical={
                        "type": "array",
                        "items": _object(("value",), value=_MOMENT, label=_TEXT, color=_COLOUR),
                    },
                ),
            ),
        ),
    },
)
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
    told = [*outcome_metrics(Outcome.OK), *window_metrics(world.baseline, tally, verdict)]
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


@pytest.mark.parametrize(
    ("failed", "wrong", "rejected", "share"),
    [(5.0, 5.0, 0.0, 5.0), (0.0, 5.0, 0.0, 5.0), (0.0, 5.0, 5.0, 0.0), (2.0, 9.0, 3.0, 6.0), (5.0, None, None, 5.0)],
    ids=["5xx", "no answer", "4xx alone", "of each", "counted as 5xx alone"],
)
def test_errors_alarm_counts_every_failure_but_the_callers_own(
    failed: float, wrong: float | None, rejected: float | None, share: float
) -> None:
    """A time-out or a killed container is no 5xx, and the alarm's share of failures has it all the same."""
    alarm = json.loads((ROOT / "monitoring/alarms/errors.json").read_text())["Alarm"]
    counted = {
        "Invocations": 100.0,
        "Invocation5XXErrors": failed,
        "InvocationModelErrors": wrong,
        "Invocation4XXErrors": rejected,
    }
    series: dict[str, Points] = {}

    for query in alarm["Metrics"]:
        if "Expression" in query:
            series[query["Id"]] = Math(series=series, periods=(0.0,)).evaluate(query["Expression"])
        else:
            value = counted[query["MetricStat"]["Metric"]["MetricName"]]
            series[query["Id"]] = {} if value is None else {0.0: value}

    assert series["share"] == {0.0: share}


def test_dashboard_shows_metrics_that_exist(written: set[str]) -> None:
    """Every metric on the dashboard is SageMaker's or the monitor's own."""
    body = json.loads(observability.dashboard(ROOT, VALUES))
    text = json.dumps(body)

    searched = set(re.findall(r'MetricName=\\+"(\w+)', text))
    plotted = {
        metric[1] for widget in body["widgets"] for metric in widget["properties"]["metrics"] if metric[0] == NAMESPACE
    }
    assert searched | plotted <= written | SAGEMAKER
    assert {"Psi", "PositiveRate", "Invocations", "InvocationModelErrors", "ModelLatency"} <= searched | plotted
    assert "${" not in text


def test_dashboard_is_what_cloudwatch_takes() -> None:
    """Its body has the documented structure, its widgets lie beside one another, and a slip of the pen is found."""
    body = json.loads(observability.dashboard(ROOT, VALUES, [(datetime(2026, 11, 23, tzinfo=UTC), "v3")]))

    jsonschema.validate(body, DASHBOARD)

    cells = [
        (widget["x"] + across, widget["y"] + down)
        for widget in body["widgets"]
        for across in range(widget["width"])
        for down in range(widget["height"])
    ]
    assert len(cells) == len(set(cells))
    assert max(across for across, _ in cells) < 24
    body["widgets"][0]["properties"]["stat"] = "Mean"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(body, DASHBOARD)


def test_releases_are_annotations_on_the_dashboard() -> None:
    """Every widget over time shows when which release came."""
    moment = datetime(2026, 11, 23, 12, tzinfo=UTC)

    body = json.loads(observability.dashboard(ROOT, VALUES, [(moment, "v3")]))

    marks = [widget["properties"]["annotations"]["vertical"] for widget in body["widgets"]]
    assert all(mark == [{"label": "v3", "value": "2026-11-23T12:00:00Z"}] for mark in marks)


def test_a_forgotten_value_is_named() -> None:
    """A placeholder without a value is an error that says which."""
    with pytest.raises(ConfigurationError, match="P95LatencyMicroseconds"):
        observability.dashboard(ROOT, {"EndpointName": "x", "Region": "eu-west-1"})
