"""DeploymentConfig as steps."""

from typing import Any

import pytest
from sagemaker_gitops.local.sagemaker.deployment import plan
from sagemaker_gitops.local.server.context import Refusal


def guarded(kind: str, wait: int = 60, termination: int = 30, limit: int = 3600, **size: Any) -> dict[str, Any]:
    """Return a blue/green DeploymentConfig."""
    routing = {"Type": kind, "WaitIntervalInSeconds": wait, **size}
    policy = {
        "TrafficRoutingConfiguration": routing,
        "TerminationWaitInSeconds": termination,
        "MaximumExecutionTimeoutInSeconds": limit,
    }
    return {"BlueGreenUpdatePolicy": policy, "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": "errors"}]}}


def percent(value: int) -> dict[str, Any]:
    """Return a capacity size in percent."""
    return {"Type": "CAPACITY_PERCENT", "Value": value}


def rolling(value: int) -> dict[str, Any]:
    """Return a rolling DeploymentConfig."""
    return {"RollingUpdatePolicy": {"MaximumBatchSize": percent(value), "WaitIntervalInSeconds": 10}}


@pytest.mark.parametrize(
    ("deployment", "instances", "expected"),
    [
        (None, 1, [(1.0, 0)]),
        (guarded("ALL_AT_ONCE"), 1, [(1.0, 90)]),
        (guarded("CANARY", CanarySize=percent(10)), 10, [(0.1, 60), (1.0, 90)]),
        (guarded("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}), 4, [(0.25, 60), (1.0, 90)]),
        (guarded("LINEAR", LinearStepSize=percent(40)), 10, [(0.4, 60), (0.8, 60), (1.0, 90)]),
        (guarded("LINEAR", LinearStepSize=percent(50)), 2, [(0.5, 60), (1.0, 90)]),
        (rolling(50), 2, [(0.5, 10), (1.0, 10)]),
    ],
)
def test_steps(deployment: dict[str, Any] | None, instances: int, expected: list[tuple[float, float]]) -> None:
    """Each type of routing becomes its shares and waits."""
    steps = plan(deployment, instances).steps

    assert [(step.share, step.bake_seconds) for step in steps] == expected


@pytest.mark.parametrize(
    ("deployment", "instances", "message"),
    [
        (guarded("CANARY", CanarySize=percent(60)), 10, "between 0% and 50%"),
        (guarded("LINEAR", LinearStepSize=percent(5)), 10, "between 10% and 50%"),
        (guarded("CANARY", CanarySize={"Type": "INSTANCE_COUNT", "Value": 1}), 1, "of 1 instances is 100%"),
        (guarded("CANARY"), 10, "CanarySize is required"),
        (guarded("ALL_AT_ONCE", wait=3600, limit=600), 1, "shorter than the waits"),
        (rolling(60), 10, "between 5% and 50%"),
        ({**guarded("ALL_AT_ONCE"), **rolling(50)}, 2, "Only one of"),
    ],
)
def test_refusals(deployment: dict[str, Any], instances: int, message: str) -> None:
    """Sizes outside AWS's limits, missing sizes, and waits that never fit."""
    with pytest.raises(Refusal, match=message):
        plan(deployment, instances)
