"""How an update moves traffic from the old fleet to the new one: DeploymentConfig as steps, watched by alarms."""

import math
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from sagemaker_gitops.local.sagemaker.fleet import Fleet, Hosting, Traffic
from sagemaker_gitops.local.server.context import Clock, Document, Place, invalid


@dataclass(frozen=True, kw_only=True)
class TrafficStep:
    """A share of the traffic on the new fleet, and how long it bakes there (simulated seconds)."""

    share: float
    bake_seconds: float


@dataclass(frozen=True, kw_only=True)
class TrafficPlan:
    """The steps of one update, and the alarms that undo it."""

    steps: tuple[TrafficStep, ...]
    alarms: tuple[str, ...] = ()
    max_seconds: float | None = None


ALL_AT_ONCE = TrafficPlan(steps=(TrafficStep(share=1.0, bake_seconds=0.0),))


def plan(deployment: Document | None, instances: int) -> TrafficPlan:
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
        return TrafficPlan(steps=ALL_AT_ONCE.steps, alarms=alarms)
    total = sum(step.bake_seconds for step in steps)
    if limit is not None and total > limit:
        raise invalid(
            f"MaximumExecutionTimeoutInSeconds {limit} is shorter than the waits of the deployment ({total:g} s)."
        )
    return TrafficPlan(steps=tuple(steps), alarms=alarms, max_seconds=limit)


def _blue_green(policy: Document, instances: int) -> list[TrafficStep]:
    routing = policy["TrafficRoutingConfiguration"]
    wait, final = routing["WaitIntervalInSeconds"], policy.get("TerminationWaitInSeconds", 0)
    if routing["Type"] == "ALL_AT_ONCE":
        return [TrafficStep(share=1.0, bake_seconds=wait + final)]
    if routing["Type"] == "CANARY":
        size = _share(routing, "CanarySize", instances, low=0.0)
        return [TrafficStep(share=size, bake_seconds=wait), TrafficStep(share=1.0, bake_seconds=wait + final)]
    return _linear(_share(routing, "LinearStepSize", instances, low=0.1), wait, final)


def _linear(size: float, wait: float, final: float) -> list[TrafficStep]:
    count = math.ceil(round(1.0 / size, 9))
    steps = [TrafficStep(share=size * n, bake_seconds=wait) for n in range(1, count)]
    return [*steps, TrafficStep(share=1.0, bake_seconds=wait + final)]


def _rolling(policy: Document, instances: int) -> list[TrafficStep]:
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


_LOOK_SECONDS = 0.1

Tripped = Callable[[Place, tuple[str, ...]], str | None]
"""Returns the first of some alarms that is in ALARM."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """One update of one endpoint."""

    place: Place
    name: str
    config: Document
    plan: TrafficPlan
    deployment: Document | None


class Interrupted(Exception):
    """The local AWS shuts down: whatever was under way is left as it is."""


class RolledBack(Exception):
    """The update cannot go on; the text is the FailureReason."""


class TrafficShift:
    """Moves traffic and waits."""

    def __init__(self, clock: Clock, hosting: Hosting, tripped: Tripped, closing: threading.Event) -> None:
        self._clock = clock
        self._hosting = hosting
        self._tripped = tripped
        self._closing = closing

    def shift(self, update: Update, old: Fleet, new: Fleet, *, moved: Callable[[float], None]) -> None:
        """Take every step of the plan; raise RolledBack when an alarm or the time limit ends it."""
        limit = update.plan.max_seconds
        deadline = None if limit is None else time.monotonic() + self._clock.real(limit)
        for step in update.plan.steps:
            self._hosting.route(update.place, update.name, Traffic(blue=old, green=new, green_share=step.share))
            moved(step.share)
            # Without alarms AWS does not bake at all.
            self._bake(update, step.bake_seconds if update.plan.alarms else 0.0, deadline)

    def wait(self, real_seconds: float) -> None:
        """Wait; raise Interrupted when the local AWS shuts down."""
        if self._closing.wait(max(0.0, real_seconds)):
            raise Interrupted

    def _bake(self, update: Update, seconds: float, deadline: float | None) -> None:
        end = time.monotonic() + self._clock.real(seconds)
        while True:
            if name := self._tripped(update.place, update.plan.alarms):
                raise RolledBack(f"Alarm {name} was triggered during the deployment; it was rolled back.")
            if deadline is not None and time.monotonic() > deadline:
                raise RolledBack("The deployment exceeded MaximumExecutionTimeoutInSeconds; it was rolled back.")
            left = end - time.monotonic()
            if left <= 0:
                return
            self.wait(min(left, _LOOK_SECONDS))
