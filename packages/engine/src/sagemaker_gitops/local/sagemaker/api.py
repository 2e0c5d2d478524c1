"""SageMaker's three APIs: control plane, runtime, and Feature Store's runtime."""

from dataclasses import dataclass

from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.cloudwatch.alarms import Alarms
from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.sagemaker.deployment import TrafficShift
from sagemaker_gitops.local.sagemaker.endpoint_states import EndpointState, Rollout
from sagemaker_gitops.local.sagemaker.endpoints import Endpoints
from sagemaker_gitops.local.sagemaker.feature_groups import FeatureGroups
from sagemaker_gitops.local.sagemaker.feature_records import FeatureRecords, OfflineStore
from sagemaker_gitops.local.sagemaker.fleet import FleetStarter, Hosting
from sagemaker_gitops.local.sagemaker.invoke import Inference, Invoker, ModelError, answer_headers
from sagemaker_gitops.local.sagemaker.listing import Search, Tags
from sagemaker_gitops.local.sagemaker.model_package_groups import GroupPolicies, ModelPackageGroups, Sharing
from sagemaker_gitops.local.sagemaker.model_packages import ModelPackages
from sagemaker_gitops.local.sagemaker.models import EndpointConfigs, Models
from sagemaker_gitops.local.sagemaker.pipelines import Pipelines
from sagemaker_gitops.local.sagemaker.processing import Processing
from sagemaker_gitops.local.sagemaker.training import Training
from sagemaker_gitops.local.sagemaker.tuning import Tuning
from sagemaker_gitops.local.server import model, protocols
from sagemaker_gitops.local.server.context import Call, Caller, Document, Refusal, unsupported
from sagemaker_gitops.local.server.protocols import Signature
from sagemaker_gitops.local.server.service import Handler, SharedState

_NOT_INVOKED = frozenset(
    {
        "TargetModel",
        "TargetContainerHostname",
        "InferenceComponentName",
        "SessionId",
        "EnableExplanations",
        "PrefixAwareId",
    }
)


class ControlPlane:
    """SageMaker's control plane: JSON, the operation in X-Amz-Target."""

    name = "sagemaker"

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    def operation(self, request: Request, _signed: Signature, /) -> str | None:
        """Return the operation in the target header."""
        target = request.headers.get("X-Amz-Target", "")
        return target.removeprefix("SageMaker.") if target.startswith("SageMaker.") else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        described = model.operation(self.name, operation)
        if operation not in self._handlers:
            raise unsupported(f"{operation} of SageMaker")
        return model.check(described, request.get_json(force=True, silent=True) if request.data else {})

    def answer(self, caller: Caller, operation: str, params: Document) -> Response:
        """Carry out an operation and shape its answer."""
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        return protocols.json_response(model.answer(model.operation(self.name, operation), result))


class Runtime:
    """SageMaker's runtime: InvokeEndpoint."""

    name = "sagemaker-runtime"

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker

    def operation(self, request: Request, signed: Signature) -> str | None:
        """Return the operation of a path below /endpoints."""
        if signed.service not in {"sagemaker", ""} or not request.path.startswith("/endpoints/"):
            return None
        found = model.rest_operation(self.name, request)
        return found.name if found else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters; a violation is a ValidationError here."""
        if operation != "InvokeEndpoint":
            raise unsupported(f"{operation} of SageMaker Runtime")
        described = model.operation(self.name, operation)
        try:
            checked = model.check(described, model.rest_params(described, request, request.data))
        except Refusal as refusal:
            raise Refusal("ValidationError", refusal.message) from refusal
        if beyond := _NOT_INVOKED & set(checked):
            raise unsupported(f"{', '.join(sorted(beyond))} of InvokeEndpoint")
        return checked

    def answer(self, caller: Caller, _operation: str, params: Document, /) -> Response:
        """Invoke the endpoint."""
        inference = Inference(
            caller=caller,
            endpoint=params["EndpointName"],
            body=params.get("Body", b""),
            content_type=params.get("ContentType", "application/octet-stream"),
            accept=params.get("Accept", "*/*"),
            target_variant=params.get("TargetVariant"),
            inference_id=params.get("InferenceId"),
            custom_attributes=params.get("CustomAttributes"),
        )
        try:
            inferred = self._invoker.invoke(inference)
        except ModelError as error:
            headers = {"x-amzn-ErrorType": error.code}
            return Response(error.body, error.status, headers, content_type="application/json")
        return Response(inferred.reply.body, 200, answer_headers(inferred))


class FeatureRuntime:
    """Feature Store's runtime: REST with JSON."""

    name = "sagemaker-featurestore-runtime"

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    def operation(self, request: Request, signed: Signature, /) -> str | None:
        """Return the operation of a path."""
        if signed.service != "sagemaker":
            return None
        found = model.rest_operation(self.name, request)
        return found.name if found else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        if operation not in self._handlers:
            raise unsupported(f"{operation} of SageMaker Feature Store Runtime")
        described = model.operation(self.name, operation)
        try:
            return model.check(described, model.rest_params(described, request, request.data))
        except Refusal as refusal:
            raise Refusal("ValidationError", refusal.message) from refusal

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Carry out an operation."""
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        return protocols.json_response(model.answer(model.operation(self.name, operation), result))


@dataclass(frozen=True, kw_only=True)
class Services:
    """What answers SageMaker's control plane and Feature Store's runtime."""

    control: dict[str, Handler]
    records: dict[str, Handler]
    history: OfflineStore
    training: Training
    processing: Processing
    tuning: Tuning
    pipelines: Pipelines
    endpoints: Endpoints

    def restore(self) -> None:
        """Take up what a former server left."""
        self.training.fail_interrupted()
        self.processing.fail_interrupted()
        self.tuning.fail_interrupted()
        self.pipelines.fail_interrupted()


def create_services(shared: SharedState, hosting: Hosting, alarms: Alarms, roles: Roles) -> Services:
    """Create every part, each with those that it asks."""
    store, tags = shared.store, Tags(shared.store)
    sharing, features = Sharing(store), FeatureGroups(shared, tags, roles)
    history = OfflineStore(shared.clients, roles)
    groups = ModelPackageGroups(store, sharing, tags)
    registry = ModelPackages(shared, groups, sharing, tags)
    models = Models(shared, registry, roles, tags)
    configs = EndpointConfigs(store, models, roles, tags)
    builder = FleetStarter(shared, models, roles)
    state = EndpointState(shared)
    shifter = TrafficShift(shared.clock, hosting, alarms.tripped, shared.closing)
    rollout = Rollout(shared.clock, builder, hosting, state, shifter)
    endpoints = Endpoints(shared, configs, state, rollout, tags, alarms.require)
    training, processing = Training(shared, roles, tags), Processing(shared, roles, tags)
    tuning = Tuning(shared, training, tags)
    registry_parts = (groups, GroupPolicies(store, groups), registry, Search(store, tags), tags)
    parts = (training, processing, tuning, *registry_parts, models, configs, endpoints, features)
    control = {name: handler for part in parts for name, handler in part.operations().items()}
    pipelines = Pipelines(shared, roles, tags, control)
    return Services(
        control={**control, **pipelines.operations()},
        records=FeatureRecords(store, features, history).operations(),
        history=history,
        training=training,
        processing=processing,
        tuning=tuning,
        pipelines=pipelines,
        endpoints=endpoints,
    )
