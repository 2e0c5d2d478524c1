"""What happens to an endpoint in the background: creation, update step by step, rollback, deletion."""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from pipeline.local.builder import Builder
from pipeline.local.clock import now
from pipeline.local.endpoint_state import KIND, EndpointState
from pipeline.local.fleet import Fleet, Traffic
from pipeline.local.foundation import Foundation
from pipeline.local.hosting import Hosting
from pipeline.local.place import Document, Place
from pipeline.local.replica import Unhealthy
from pipeline.local.strategy import Plan

_LOG = logging.getLogger(__name__)
CREATING_SECONDS = 60
UPDATING_SECONDS = 60
WEIGHTS_SECONDS = 15
_LOOK_SECONDS = 0.1

Tripped = Callable[[Place, tuple[str, ...]], str | None]


class _RolledBack(Exception):
    """The update cannot go on; the text is the FailureReason."""


@dataclass(frozen=True, kw_only=True)
class Update:
    """One update of one endpoint."""

    place: Place
    name: str
    config: Document
    plan: Plan
    deployment: Document | None


class Rollout:
    """Moves endpoints from state to state, each in a thread of its own."""

    def __init__(
        self, foundation: Foundation, builder: Builder, hosting: Hosting, state: EndpointState, tripped: Tripped
    ) -> None:
        self._foundation = foundation
        self._builder = builder
        self._hosting = hosting
        self._state = state
        self._tripped = tripped
        self._stop = threading.Event()

    def create(self, place: Place, name: str, config: Document) -> None:
        """Bring up the first fleet of an endpoint."""
        self._spawn(lambda: self._create(place, name, config, CREATING_SECONDS), f"create-{name}")

    def restore(self, place: Place, name: str, config: Document) -> None:
        """Bring an endpoint back after a restart of the local AWS."""
        self._spawn(lambda: self._create(place, name, config, 0), f"restore-{name}")

    def update(self, update: Update) -> None:
        """Replace the fleet of an endpoint."""
        self._spawn(lambda: self._update(update), f"update-{update.name}")

    def reweigh(self, place: Place, name: str, weights: dict[str, float], counts: dict[str, int]) -> None:
        """Change weights and instance counts on the fleet that serves."""
        self._spawn(lambda: self._reweigh(place, name, weights, counts), f"weights-{name}")

    def delete(self, place: Place, name: str, forget: Callable[[], None]) -> None:
        """Take an endpoint off, end its processes and forget it."""

        def run() -> None:
            for fleet in self._hosting.close(place, name):
                fleet.close()
            forget()

        self._spawn(run, f"delete-{name}")

    def close(self) -> None:
        """End every wait."""
        self._stop.set()

    def _spawn(self, work: Callable[[], None], name: str) -> None:
        threading.Thread(target=work, daemon=True, name=name).start()

    def _wait(self, seconds: float) -> None:
        self._foundation.clock.wait(seconds, self._stop)

    def _create(self, place: Place, name: str, config: Document, seconds: float) -> None:
        began = time.monotonic()
        try:
            fleet = self._builder.build(place, name, config)
        except Unhealthy as problem:
            self._state.change(place, name, EndpointStatus="Failed", FailureReason=str(problem))
            return
        self._rest_of(seconds, began)
        self._keep_weights(place, name, fleet)
        self._hosting.route(place, name, Traffic(blue=fleet))
        self._state.change(
            place, name, EndpointStatus="InService", FailureReason=None, **self._state.serving(place, fleet)
        )

    def _rest_of(self, seconds: float, began: float) -> None:
        left = self._foundation.clock.real(seconds) - (time.monotonic() - began)
        if left > 0:
            self._stop.wait(left)

    def _keep_weights(self, place: Place, name: str, fleet: Fleet) -> None:
        for variant in self._state.find(place, name).get("ProductionVariants", []):
            if variant["VariantName"] in fleet.weights:
                fleet.weights[variant["VariantName"]] = variant["CurrentWeight"]

    def _update(self, update: Update) -> None:
        place, name = update.place, update.name
        began = time.monotonic()
        old = self._hosting.traffic(place, name).blue
        self._announce(update, "STARTED")
        try:
            new = self._builder.build(place, name, update.config)
        except Unhealthy as problem:
            self._rolled_back(update, old, str(problem))
            return
        self._rest_of(UPDATING_SECONDS, began)
        try:
            self._shift(update, old, new)
        except _RolledBack as problem:
            self._state.change(place, name, EndpointStatus="RollingBack")
            self._hosting.route(place, name, Traffic(blue=old))
            self._rolled_back(update, old, str(problem))
            new.close()
            return
        self._hosting.route(place, name, Traffic(blue=new))
        self._promote(update, new)
        old.close()

    def _shift(self, update: Update, old: Fleet, new: Fleet) -> None:
        plan = update.plan
        deadline = None
        if plan.max_seconds is not None:
            deadline = time.monotonic() + self._foundation.clock.real(plan.max_seconds)
        for step in plan.steps:
            self._hosting.route(update.place, update.name, Traffic(blue=old, green=new, green_share=step.share))
            if update.deployment:
                self._pending(update, "Baking")
                self._announce(update, "TRAFFIC_SHIFTED", TrafficShare=round(step.share * 100))
            self._bake(update, step.bake_seconds, deadline)

    def _bake(self, update: Update, seconds: float, deadline: float | None) -> None:
        # Without alarms AWS does not bake at all.
        end = time.monotonic() + (self._foundation.clock.real(seconds) if update.plan.alarms else 0)
        while True:
            if name := self._tripped(update.place, update.plan.alarms):
                raise _RolledBack(f"Alarm {name} was triggered during the deployment; it was rolled back.")
            if deadline is not None and time.monotonic() > deadline:
                raise _RolledBack("The deployment exceeded MaximumExecutionTimeoutInSeconds; it was rolled back.")
            left = end - time.monotonic()
            if left <= 0 or self._stop.wait(min(left, _LOOK_SECONDS)):
                return

    def _pending(self, update: Update, status: str) -> None:
        variants = [
            {
                "VariantName": variant["VariantName"],
                "VariantStatus": [{"Status": status, "StartTime": now()}],
                "CurrentInstanceCount": variant["InitialInstanceCount"],
                "DesiredInstanceCount": variant["InitialInstanceCount"],
            }
            for variant in update.config["ProductionVariants"]
        ]
        summary = {
            "EndpointConfigName": update.config["EndpointConfigName"],
            "ProductionVariants": variants,
            "StartTime": now(),
        }
        self._foundation.store.change(update.place, KIND, update.name, PendingDeploymentSummary=summary)

    def _promote(self, update: Update, fleet: Fleet) -> None:
        self._state.change(
            update.place,
            update.name,
            EndpointStatus="InService",
            FailureReason=None,
            PendingDeploymentSummary=None,
            LastDeploymentConfig=update.deployment,
            **self._state.serving(update.place, fleet),
        )
        self._announce(update, "COMPLETED")

    def _rolled_back(self, update: Update, old: Fleet, reason: str) -> None:
        self._state.change(
            update.place,
            update.name,
            EndpointStatus="InService",
            FailureReason=reason,
            PendingDeploymentSummary=None,
            LastDeploymentConfig=update.deployment,
            EndpointConfigName=old.config["EndpointConfigName"],
        )
        self._announce(update, "ROLLBACK_COMPLETED", FailureReason=reason)

    def _announce(self, update: Update, event: str, **more: object) -> None:
        if update.deployment:
            self._state.deployment(update.place, update.name, event, **more)

    def _reweigh(self, place: Place, name: str, weights: dict[str, float], counts: dict[str, int]) -> None:
        self._wait(WEIGHTS_SECONDS)
        fleet = self._hosting.traffic(place, name).blue
        fleet.weights = {**fleet.weights, **weights}
        variants = [
            {
                **variant,
                "CurrentWeight": fleet.weights[variant["VariantName"]],
                "CurrentInstanceCount": counts.get(variant["VariantName"], variant["CurrentInstanceCount"]),
            }
            for variant in self._state.find(place, name)["ProductionVariants"]
        ]
        self._state.change(place, name, EndpointStatus="InService", ProductionVariants=variants)
