"""How an update moves traffic from the old fleet to the new one: DeploymentConfig as a list of steps."""

import math
from dataclasses import dataclass

from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import invalid


@dataclass(frozen=True, kw_only=True)
class Step:
    """A share of the traffic on the new fleet, and how long it bakes there (simulated seconds)."""

    share: float
    bake_seconds: float


@dataclass(frozen=True, kw_only=True)
class Plan:
    """The steps of one update, and the alarms that undo it."""

    steps: tuple[Step, ...]
    alarms: tuple[str, ...] = ()
    max_seconds: float | None = None


ALL_AT_ONCE = Plan(steps=(Step(share=1.0, bake_seconds=0.0),))


def plan(deployment: Document | None, instances: int) -> Plan:
    """Return the steps of a DeploymentConfig for a fleet of so many instances."""
    if not deployment:
        return ALL_AT_ONCE
    if "BlueGreenUpdatePolicy" in deployment and "RollingUpdatePolicy" in deployment:
        raise invalid("Only one of BlueGreenUpdatePolicy and RollingUpdatePolicy can be specified.")
    rollback = deployment.get("AutoRollbackConfiguration", {})
    alarms = tuple(alarm["AlarmName"] for alarm in rollback.get("Alarms", []))
    if rolling := deployment.get("RollingUpdatePolicy"):
        steps, limit = _rolling(rolling, instances), rolling.get("MaximumExecutionTimeoutInSeconds")
    elif policy := deployment.get("BlueGreenUpdatePolicy"):
        steps, limit = _blue_green(policy, instances), policy.get("MaximumExecutionTimeoutInSeconds")
    else:
        return Plan(steps=ALL_AT_ONCE.steps, alarms=alarms)
    total = sum(step.bake_seconds for step in steps)
    if limit is not None and total > limit:
        raise invalid(
            f"MaximumExecutionTimeoutInSeconds {limit} is shorter than the waits of the deployment ({total:g} s)."
        )
    return Plan(steps=tuple(steps), alarms=alarms, max_seconds=limit)


def _blue_green(policy: Document, instances: int) -> list[Step]:
    routing = policy["TrafficRoutingConfiguration"]
    wait, final = routing["WaitIntervalInSeconds"], policy.get("TerminationWaitInSeconds", 0)
    if routing["Type"] == "ALL_AT_ONCE":
        return [Step(share=1.0, bake_seconds=wait + final)]
    if routing["Type"] == "CANARY":
        size = _share(routing, "CanarySize", instances, low=0.0)
        return [Step(share=size, bake_seconds=wait), Step(share=1.0, bake_seconds=wait + final)]
    return _linear(_share(routing, "LinearStepSize", instances, low=0.1), wait, final)


def _linear(size: float, wait: float, final: float) -> list[Step]:
    count = math.ceil(round(1.0 / size, 9))
    steps = [Step(share=size * n, bake_seconds=wait) for n in range(1, count)]
    return [*steps, Step(share=1.0, bake_seconds=wait + final)]


def _rolling(policy: Document, instances: int) -> list[Step]:
    wait, batch = policy["WaitIntervalInSeconds"], policy["MaximumBatchSize"]
    return _linear(_fraction(batch, instances, "MaximumBatchSize", low=0.05), wait, 0)


def _share(routing: Document, name: str, instances: int, *, low: float) -> float:
    if name not in routing:
        raise invalid(f"{name} is required for traffic routing type {routing['Type']}.")
    return _fraction(routing[name], instances, name, low=low)


def _fraction(size: Document, instances: int, name: str, *, low: float) -> float:
    whole = 100 if size["Type"] == "CAPACITY_PERCENT" else instances
    value = float(size["Value"]) / whole
    if not low <= value <= 0.5:
        raise invalid(
            f"{name} must be between {low:.0%} and 50% of the fleet's capacity; {size['Value']} "
            f"({size['Type']}) of {instances} instances is {value:.0%}."
        )
    return value
