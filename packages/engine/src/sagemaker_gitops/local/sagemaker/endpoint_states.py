"""The stored record of an endpoint, and its transitions in the background: creation, update, rollback, deletion."""

import logging
import threading
import time
from collections.abc import Callable

from sagemaker_gitops.local.sagemaker.deployment import Interrupted, RolledBack, TrafficShift, Update
from sagemaker_gitops.local.sagemaker.fleet import Fleet, FleetStarter, Hosting, Traffic
from sagemaker_gitops.local.sagemaker.replica import Replica, Unhealthy
from sagemaker_gitops.local.server.context import Clock, Document, Place, not_found, now
from sagemaker_gitops.local.server.service import SharedState

KIND = "endpoint"
# EventBridge writes the states differently from the API.
_EVENT_STATUS = {
    "InService": "IN_SERVICE",
    "Creating": "CREATING",
    "Updating": "UPDATING",
    "Deleting": "DELETING",
    "Failed": "FAILED",
    "RollingBack": "ROLLING_BACK",
}


class EndpointState:
    """Reads and writes endpoints, and announces each change."""

    def __init__(self, shared: SharedState) -> None:
        self._shared = shared

    def find(self, place: Place, name: str) -> Document:
        """Return an endpoint by name."""
        endpoint = self._shared.store.find(place, KIND, name)
        if endpoint is None:
            raise not_found("endpoint", place.arn(KIND, name))
        return endpoint

    def change(self, place: Place, name: str, **fields: object) -> None:
        """Change an endpoint's record; announce its state."""
        endpoint = self._shared.store.change(place, KIND, name, **fields, LastModifiedTime=now())
        if "EndpointStatus" in fields:
            self.announce(place, endpoint)

    def announce(self, place: Place, endpoint: Document) -> None:
        """Put the endpoint's state on the event bus."""
        names = ("EndpointName", "EndpointArn", "EndpointConfigName", "ProductionVariants", "FailureReason")
        detail = {name: endpoint[name] for name in (*names, "CreationTime", "LastModifiedTime") if name in endpoint}
        status = _EVENT_STATUS[endpoint["EndpointStatus"]]
        self._shared.events.state_change(
            place, "Endpoint", endpoint["EndpointArn"], {**detail, "EndpointStatus": status}
        )

    def deployment(self, place: Place, name: str, event_type: str, **more: object) -> None:
        """Announce a step of a guarded deployment."""
        endpoint = self.find(place, name)
        detail = {
            "EndpointName": name,
            "EndpointArn": endpoint["EndpointArn"],
            "EndpointConfigName": endpoint["EndpointConfigName"],
            "EventType": event_type,
            **more,
        }
        self._shared.events.state_change(place, "Endpoint Deployment", endpoint["EndpointArn"], detail)

    def serving(self, fleet: Fleet) -> dict[str, object]:
        """Return the fields of an endpoint that a fleet serves."""
        return {
            "EndpointConfigName": fleet.config["EndpointConfigName"],
            "ActiveConfig": fleet.config,
            "ProductionVariants": [_summary(replica, fleet) for replica in fleet.production],
            "ShadowProductionVariants": [_summary(replica, fleet) for replica in fleet.shadows] or None,
        }


def _summary(replica: Replica, fleet: Fleet) -> Document:
    variant, image = replica.variant, replica.image_uri
    weight = fleet.weights.get(replica.variant_name, variant["InitialVariantWeight"])
    count = variant["InitialInstanceCount"]
    return {
        "VariantName": replica.variant_name,
        "DeployedImages": [{"SpecifiedImage": image, "ResolvedImage": image, "ResolutionTime": now()}],
        "CurrentWeight": weight,
        "DesiredWeight": weight,
        "CurrentInstanceCount": count,
        "DesiredInstanceCount": count,
    }


def shown(endpoint: Document) -> Document:
    """Return an endpoint as DescribeEndpoint gives it."""
    capture = endpoint.get("ActiveConfig", {}).get("DataCaptureConfig")
    if not capture:
        return endpoint
    enabled = bool(capture.get("EnableCapture", False))
    summary = {
        "EnableCapture": enabled,
        "CaptureStatus": "Started" if enabled else "Stopped",
        "CurrentSamplingPercentage": capture["InitialSamplingPercentage"],
        "DestinationS3Uri": capture["DestinationS3Uri"],
        "KmsKeyId": capture.get("KmsKeyId", ""),
    }
    return {**endpoint, "DataCaptureConfig": summary}


_LOG = logging.getLogger(__name__)
_CREATING_SECONDS = 60
_UPDATING_SECONDS = 60
_WEIGHTS_SECONDS = 15


class Rollout:
    """Moves endpoints from state to state, each change in a thread of its own."""

    def __init__(
        self, clock: Clock, builder: FleetStarter, hosting: Hosting, state: EndpointState, shifter: TrafficShift
    ) -> None:
        self._clock = clock
        self._builder = builder
        self._hosting = hosting
        self._state = state
        self._shifter = shifter

    def create(self, place: Place, name: str, config: Document) -> None:
        """Bring up the first fleet of an endpoint."""
        self._spawn(place, name, lambda: self._create(place, name, config, _CREATING_SECONDS))

    def restore(self, place: Place, name: str, config: Document) -> None:
        """Bring an endpoint back after a restart of the local AWS."""
        self._spawn(place, name, lambda: self._create(place, name, config, 0))

    def update(self, update: Update) -> None:
        """Replace the fleet of an endpoint."""
        self._spawn(update.place, update.name, lambda: self._update(update))

    def reweigh(self, place: Place, name: str, weights: dict[str, float], counts: dict[str, int]) -> None:
        """Change weights and instance counts on the fleet that serves."""
        self._spawn(place, name, lambda: self._reweigh(place, name, weights, counts))

    def delete(self, place: Place, name: str, forget: Callable[[], None]) -> None:
        """Take an endpoint off, end its processes and forget it."""

        def run() -> None:
            for fleet in self._hosting.close(place, name):
                fleet.close()
            forget()

        self._spawn(place, name, run)

    def _spawn(self, place: Place, name: str, work: Callable[[], None]) -> None:
        def run() -> None:
            try:
                work()
            except Interrupted:
                return
            except Exception:  # noqa: BLE001 - an endpoint must never stay in a state that nothing ends
                _LOG.exception("endpoint %s", name)
                reason = "InternalServerError: We encountered an internal error. Please try again."
                self._state.change(place, name, EndpointStatus="Failed", FailureReason=reason)

        threading.Thread(target=run, daemon=True, name=f"endpoint-{name}").start()

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
        self._state.change(place, name, EndpointStatus="InService", FailureReason=None, **self._state.serving(fleet))

    def _rest_of(self, seconds: float, began: float) -> None:
        self._shifter.wait(self._clock.real(seconds) - (time.monotonic() - began))

    def _keep_weights(self, place: Place, name: str, fleet: Fleet) -> None:
        for variant in self._state.find(place, name).get("ProductionVariants", []):
            if variant["VariantName"] in fleet.weights:
                fleet.weights[variant["VariantName"]] = variant["CurrentWeight"]

    def _update(self, update: Update) -> None:
        place, name, began = update.place, update.name, time.monotonic()
        old = self._hosting.traffic(place, name).blue
        self._announce(update, "STARTED")
        self._pending(update, "Creating")
        try:
            new = self._builder.build(place, name, update.config)
        except Unhealthy as problem:
            self._roll_back(update, old, str(problem))
            return
        self._rest_of(_UPDATING_SECONDS, began)
        try:
            self._shifter.shift(update, old, new, moved=lambda share: self._moved(update, share))
        except RolledBack as problem:
            self._state.change(place, name, EndpointStatus="RollingBack")
            self._hosting.route(place, name, Traffic(blue=old))
            self._roll_back(update, old, str(problem))
            new.close()
        else:
            self._hosting.route(place, name, Traffic(blue=new))
            self._settle(update, **self._state.serving(new))
            self._announce(update, "COMPLETED")
            old.close()

    def _moved(self, update: Update, share: float) -> None:
        self._pending(update, "Baking" if update.plan.alarms else "ActivatingTraffic")
        self._announce(update, "TRAFFIC_SHIFTED", TrafficShare=round(share * 100))

    def _roll_back(self, update: Update, old: Fleet, reason: str) -> None:
        self._settle(update, FailureReason=reason, EndpointConfigName=old.config["EndpointConfigName"])
        self._announce(update, "ROLLBACK_COMPLETED", FailureReason=reason)

    def _settle(self, update: Update, **fields: object) -> None:
        settled: dict[str, object] = {
            "EndpointStatus": "InService",
            "FailureReason": None,
            "PendingDeploymentSummary": None,
            "LastDeploymentConfig": update.deployment,
            **fields,
        }
        self._state.change(update.place, update.name, **settled)

    def _announce(self, update: Update, event: str, **more: object) -> None:
        if update.deployment:
            self._state.deployment(update.place, update.name, event, **more)

    def _pending(self, update: Update, status: str) -> None:
        summaries = [
            {
                "VariantName": variant["VariantName"],
                "VariantStatus": [{"Status": status, "StartTime": now()}],
                "DesiredWeight": variant["InitialVariantWeight"],
                "CurrentInstanceCount": variant["InitialInstanceCount"],
                "DesiredInstanceCount": variant["InitialInstanceCount"],
            }
            for variant in update.config["ProductionVariants"]
        ]
        pending = {"EndpointConfigName": update.config["EndpointConfigName"], "ProductionVariants": summaries}
        self._state.change(update.place, update.name, PendingDeploymentSummary={**pending, "StartTime": now()})

    def _reweigh(self, place: Place, name: str, weights: dict[str, float], counts: dict[str, int]) -> None:
        self._shifter.wait(self._clock.real(_WEIGHTS_SECONDS))
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
