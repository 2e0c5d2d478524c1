"""Endpoints: CreateEndpoint and the other operations."""

import json
from collections.abc import Callable

from sagemaker_gitops.local.sagemaker import autoscaling
from sagemaker_gitops.local.sagemaker.deployment import TrafficPlan, Update, plan
from sagemaker_gitops.local.sagemaker.endpoint_states import KIND, EndpointState, Rollout, shown
from sagemaker_gitops.local.sagemaker.listing import Listing, Tags
from sagemaker_gitops.local.sagemaker.models import EndpointConfigs
from sagemaker_gitops.local.server.context import Call, Document, Place, duplicate, invalid, now
from sagemaker_gitops.local.server.service import SharedState

_LISTING = Listing(result="Endpoints", name="EndpointName", status="EndpointStatus")
_BUSY = frozenset({"Creating", "Updating", "RollingBack", "Deleting", "SystemUpdating"})

AlarmsExist = Callable[[Place, tuple[str, ...]], None]


class Endpoints:
    """The endpoint operations."""

    def __init__(
        self,
        shared: SharedState,
        configs: EndpointConfigs,
        state: EndpointState,
        rollout: Rollout,
        tags: Tags,
        require_alarms: AlarmsExist,
    ) -> None:
        self._store = shared.store
        self._configs = configs
        self._state = state
        self._rollout = rollout
        self._tags = tags
        self._require_alarms = require_alarms

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "CreateEndpoint": self.create,
            "DescribeEndpoint": self.describe,
            "ListEndpoints": self.list,
            "UpdateEndpoint": self.update,
            "UpdateEndpointWeightsAndCapacities": self.update_weights,
            "DeleteEndpoint": self.delete,
        }

    def create(self, call: Call) -> Document:
        """CreateEndpoint."""
        place, params = call.place, call.params
        name, arn = params["EndpointName"], place.arn(KIND, params["EndpointName"])
        config = self._configs.find(place, params["EndpointConfigName"])
        deployment = params.get("DeploymentConfig")
        self._plan(place, config, deployment)
        with self._store.lock:
            if self._store.find(place, KIND, name):
                raise duplicate("endpoint", arn)
            self._tags.put(place, arn, params.get("Tags", []))
            endpoint = {
                "EndpointName": name,
                "EndpointArn": arn,
                "EndpointConfigName": config["EndpointConfigName"],
                "ActiveConfig": config,
                "EndpointStatus": "Creating",
                "LastDeploymentConfig": deployment,
                "CreationTime": now(),
                "LastModifiedTime": now(),
            }
            self._store.put(place, KIND, name, endpoint)
        self._state.announce(place, endpoint)
        self._rollout.create(place, name, config)
        return {"EndpointArn": arn}

    def describe(self, call: Call) -> Document:
        """DescribeEndpoint."""
        return shown(self._state.find(call.place, call.params["EndpointName"]))

    def list(self, call: Call) -> Document:
        """ListEndpoints."""
        return _LISTING.page(self._store.all(call.place, KIND), call.params)

    def update(self, call: Call) -> Document:
        """UpdateEndpoint: the old fleet serves until the new one is proven."""
        place, params = call.place, call.params
        with self._store.lock:
            endpoint = self._updatable(place, params["EndpointName"])
            config = _retained(self._configs.find(place, params["EndpointConfigName"]), endpoint, params)
            deployment = params.get("DeploymentConfig")
            if params.get("RetainDeploymentConfig") and deployment is None:
                deployment = endpoint.get("LastDeploymentConfig")
            steps = self._plan(place, config, deployment)
            _check_scaled(config, endpoint, autoscaling.scaled(self._store, place, endpoint["EndpointName"]))
            if deployment:
                _check_guarded(config, endpoint, deployment)
            self._state.change(place, endpoint["EndpointName"], EndpointStatus="Updating", FailureReason=None)
        self._rollout.update(
            Update(place=place, name=endpoint["EndpointName"], config=config, plan=steps, deployment=deployment)
        )
        return {"EndpointArn": endpoint["EndpointArn"]}

    def update_weights(self, call: Call) -> Document:
        """UpdateEndpointWeightsAndCapacities: what is not named stays."""
        place, params = call.place, call.params
        wanted: dict[str, Document] = {v["VariantName"]: v for v in params["DesiredWeightsAndCapacities"]}
        with self._store.lock:
            endpoint = self._updatable(place, params["EndpointName"])
            variants = endpoint["ProductionVariants"]
            if unknown := set(wanted) - {v["VariantName"] for v in variants}:
                raise invalid(f"Could not find variant(s) {', '.join(sorted(unknown))} on the endpoint.")
            desired = [_desired(variant, wanted.get(variant["VariantName"], {})) for variant in variants]
            self._state.change(place, endpoint["EndpointName"], EndpointStatus="Updating", ProductionVariants=desired)
        self._rollout.reweigh(
            place,
            endpoint["EndpointName"],
            {v["VariantName"]: v["DesiredWeight"] for v in desired},
            {v["VariantName"]: v["DesiredInstanceCount"] for v in desired},
        )
        return {"EndpointArn": endpoint["EndpointArn"]}

    def delete(self, call: Call) -> Document:
        """DeleteEndpoint."""
        place, name = call.place, call.params["EndpointName"]
        with self._store.lock:
            endpoint = self._state.find(place, name)
            self._refuse_busy(endpoint)
            self._state.change(place, name, EndpointStatus="Deleting")

        def forget() -> None:
            self._store.remove(place, KIND, name)
            self._tags.forget(place, endpoint["EndpointArn"])
            autoscaling.forget(self._store, place, name)

        self._rollout.delete(place, name, forget)
        return {}

    def restore(self) -> None:
        """Bring back the endpoints that a former server served."""
        for place, name, endpoint in self._store.everywhere(KIND):
            if endpoint["EndpointStatus"] == "Deleting":
                self._store.remove(place, KIND, name)
            elif endpoint["EndpointStatus"] != "Failed":
                self._store.change(place, KIND, name, EndpointStatus="Creating", PendingDeploymentSummary=None)
                self._rollout.restore(place, name, endpoint["ActiveConfig"])

    def _plan(self, place: Place, config: Document, deployment: Document | None) -> TrafficPlan:
        instances = sum(v["InitialInstanceCount"] for v in config["ProductionVariants"])
        steps = plan(deployment, instances)
        self._require_alarms(place, steps.alarms)
        return steps

    def _updatable(self, place: Place, name: str) -> Document:
        endpoint = self._state.find(place, name)
        self._refuse_busy(endpoint)
        if endpoint["EndpointStatus"] == "Failed":
            raise invalid(f'Cannot update failed endpoint "{endpoint["EndpointArn"]}"; it can only be deleted.')
        return endpoint

    def _refuse_busy(self, endpoint: Document) -> None:
        if endpoint["EndpointStatus"] in _BUSY:
            raise invalid(f'Cannot update in-progress endpoint "{endpoint["EndpointArn"]}".')


def _desired(variant: Document, wanted: Document) -> Document:
    return {
        **variant,
        "DesiredWeight": wanted.get("DesiredWeight", variant["DesiredWeight"]),
        "DesiredInstanceCount": wanted.get("DesiredInstanceCount", variant["DesiredInstanceCount"]),
    }


def _retained(config: Document, endpoint: Document, params: Document) -> Document:
    """Return the configuration with the properties that the update asks to keep."""
    if not params.get("RetainAllVariantProperties"):
        return config
    excluded = {p["VariantPropertyType"] for p in params.get("ExcludeRetainedVariantProperties", [])}
    kept = {v["VariantName"]: v for v in endpoint["ProductionVariants"]}
    variants = [_with_kept(v, kept.get(v["VariantName"]), excluded) for v in config["ProductionVariants"]]
    capture = endpoint["ActiveConfig"].get("DataCaptureConfig")
    if "DataCaptureConfig" in excluded or capture is None:
        return {**config, "ProductionVariants": variants}
    return {**config, "ProductionVariants": variants, "DataCaptureConfig": capture}


def _with_kept(variant: Document, kept: Document | None, excluded: set[str]) -> Document:
    if kept is None:
        return variant
    fields = {"InitialVariantWeight": "DesiredWeight", "InitialInstanceCount": "DesiredInstanceCount"}
    return {**variant, **{field: kept[name] for field, name in fields.items() if name not in excluded}}


def _check_scaled(config: Document, endpoint: Document, scaled: set[str]) -> None:
    before, after = (
        {v["VariantName"]: v.get("InstanceType") for v in one["ProductionVariants"]}
        for one in (endpoint["ActiveConfig"], config)
    )
    if changed := sorted(name for name in scaled if before.get(name) != after.get(name)):
        raise invalid(
            f"The variant(s) {json.dumps(changed)} must be deregistered as scalable targets with AWS Auto Scaling "
            "before they can be removed or have their instance type updated."
        )


def _check_guarded(config: Document, endpoint: Document, deployment: Document) -> None:
    before = {v["VariantName"] for v in endpoint["ProductionVariants"]}
    after = {v["VariantName"] for v in config["ProductionVariants"]}
    if before != after:
        raise invalid(
            "A deployment with DeploymentConfig requires the same variant names in the new endpoint configuration: "
            f"{', '.join(sorted(before))} became {', '.join(sorted(after))}."
        )
    if "RollingUpdatePolicy" in deployment and len(after) > 1:
        raise invalid("A rolling deployment does not support several production variants.")
