"""Application Auto Scaling of endpoint variants: targets and policies are kept and checked; nothing is ever scaled."""

import re
from collections.abc import Callable, Iterator

from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.sagemaker.endpoint_states import KIND as ENDPOINT
from sagemaker_gitops.local.server import model, protocols
from sagemaker_gitops.local.server.context import Call, Caller, Document, Place, Refusal, invalid, now, unsupported
from sagemaker_gitops.local.server.persistence import Store
from sagemaker_gitops.local.server.protocols import Signature

KIND = "scalable-target"
_POLICY = "scaling-policy"
_TARGET = "AnyScaleFrontendService."
_DIMENSION = "sagemaker:variant:DesiredInstanceCount"
_RESOURCE = re.compile(r"endpoint/([^/]+)/variant/([^/]+)")


def scaled(store: Store, place: Place, endpoint: str) -> set[str]:
    """Name the variants of an endpoint that are scalable targets."""
    prefix = f"endpoint/{endpoint}/variant/"
    names = (target["ResourceId"] for target in store.all(place, KIND))
    return {name.removeprefix(prefix) for name in names if name.startswith(prefix)}


def forget(store: Store, place: Place, endpoint: str) -> None:
    """Drop the targets of an endpoint that is deleted."""
    for variant in scaled(store, place, endpoint):
        _drop(store, place, f"endpoint/{endpoint}/variant/{variant}")


class AutoScaling:
    """RegisterScalableTarget, PutScalingPolicy and the other operations, for the one dimension that endpoints have."""

    name = "application-autoscaling"

    def __init__(self, store: Store) -> None:
        self._store = store
        self._handlers: dict[str, Callable[[Call], Document]] = {
            "RegisterScalableTarget": self.register,
            "DeregisterScalableTarget": self.deregister,
            "DescribeScalableTargets": self.targets,
            "PutScalingPolicy": self.put_policy,
            "DescribeScalingPolicies": self.policies,
        }

    def operation(self, request: Request, _signed: Signature, /) -> str | None:
        """Return the operation in the target header."""
        target = request.headers.get("X-Amz-Target", "")
        return target.removeprefix(_TARGET) if target.startswith(_TARGET) else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model; other services' dimensions are not ours."""
        if operation not in self._handlers:
            raise unsupported(f"{operation} of Application Auto Scaling")
        params = model.check(model.operation(self.name, operation), request.get_json(force=True, silent=True) or {})
        if params["ServiceNamespace"] != "sagemaker" or params.get("ScalableDimension", _DIMENSION) != _DIMENSION:
            raise unsupported(f"scaling of anything but {_DIMENSION}")
        return params

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Carry out the operation."""
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        return protocols.json_response(model.answer(model.operation(self.name, operation), result))

    def register(self, call: Call) -> Document:
        """RegisterScalableTarget: the variant must exist; what a repeated call leaves out stays."""
        place, resource = call.place, call.params["ResourceId"]
        self._require_variant(place, resource)
        before = self._store.find(place, KIND, resource) or {"CreationTime": now()}
        target = {**before, **call.params, "RoleARN": _role(place), "ScalableTargetARN": _arn(place, resource)}
        low, high = target.get("MinCapacity"), target.get("MaxCapacity")
        if low is None or high is None:
            raise invalid("MinCapacity and MaxCapacity are required to register a new scalable target.")
        if not 1 <= low <= high:
            raise invalid(f"Capacity bounds {low} and {high} are no range of at least one instance.")
        self._store.put(place, KIND, resource, target)
        return {"ScalableTargetARN": target["ScalableTargetARN"]}

    def deregister(self, call: Call) -> Document:
        """DeregisterScalableTarget: the policies go with the target."""
        self._find(call)
        _drop(self._store, call.place, call.params["ResourceId"])
        return {}

    def targets(self, call: Call) -> Document:
        """DescribeScalableTargets."""
        wanted = call.params.get("ResourceIds")
        every = self._store.all(call.place, KIND)
        return {"ScalableTargets": [item for item in every if wanted is None or item["ResourceId"] in wanted]}

    def put_policy(self, call: Call) -> Document:
        """PutScalingPolicy, of the kind that tracks a target."""
        self._find(call)
        if call.params.get("PolicyType") != "TargetTrackingScaling":
            raise unsupported("a scaling policy that is not TargetTrackingScaling")
        if "TargetTrackingScalingPolicyConfiguration" not in call.params:
            raise invalid("TargetTrackingScalingPolicyConfiguration is required for TargetTrackingScaling.")
        resource, name = call.params["ResourceId"], call.params["PolicyName"]
        arn = f"{_arn(call.place, resource)}:policyName/{name}"
        policy = {**call.params, "PolicyARN": arn, "CreationTime": now()}
        self._store.put(call.place, _POLICY, f"{resource}/{name}", policy)
        return {"PolicyARN": arn, "Alarms": []}

    def policies(self, call: Call) -> Document:
        """DescribeScalingPolicies."""
        names, resource = call.params.get("PolicyNames"), call.params.get("ResourceId")
        found = [
            item
            for item in self._store.all(call.place, _POLICY)
            if resource in {None, item["ResourceId"]} and (names is None or item["PolicyName"] in names)
        ]
        return {"ScalingPolicies": found}

    def _find(self, call: Call) -> Document:
        resource = call.params["ResourceId"]
        if found := self._store.find(call.place, KIND, resource):
            return found
        raise Refusal(
            "ObjectNotFoundException",
            f"No scalable target found for service namespace: sagemaker, resource ID: {resource}, "
            f"scalable dimension: {_DIMENSION}",
        )

    def _require_variant(self, place: Place, resource: str) -> None:
        parts = _RESOURCE.fullmatch(resource)
        endpoint = self._store.find(place, ENDPOINT, parts[1]) if parts else None
        variants = {item["VariantName"] for item in (endpoint or {}).get("ProductionVariants", [])}
        if parts is None or parts[2] not in variants:
            raise invalid(f"There is no variant of an endpoint with the resource ID {resource}.")


def _drop(store: Store, place: Place, resource: str) -> None:
    store.remove(place, KIND, resource)
    for policy in _policies_of(store, place, resource):
        store.remove(place, _POLICY, f"{resource}/{policy['PolicyName']}")


def _policies_of(store: Store, place: Place, resource: str) -> Iterator[Document]:
    return (item for item in store.all(place, _POLICY) if item["ResourceId"] == resource)


def _arn(place: Place, resource: str) -> str:
    return f"arn:aws:application-autoscaling:{place.region}:{place.account}:scalable-target/{resource}"


def _role(place: Place) -> str:
    service = "sagemaker.application-autoscaling.amazonaws.com"
    role = "AWSServiceRoleForApplicationAutoScaling_SageMakerEndpoint"
    return f"arn:aws:iam::{place.account}:role/aws-service-role/{service}/{role}"
