"""The services that the plane answers itself: how each is recognised, and how it answers."""

from collections.abc import Callable
from typing import Protocol

from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.iam.identity import Signature
from sagemaker_gitops.local.sagemaker.invoke import Inference, Invoker, ModelError, answer_headers
from sagemaker_gitops.local.server import model, rest, wire
from sagemaker_gitops.local.server.context import Call, Caller, Document
from sagemaker_gitops.local.server.refusal import Refusal, unsupported

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

Handler = Callable[[Call], Document]


class Front(Protocol):
    """One service of the plane."""

    name: str

    def operation(self, request: Request, signed: Signature, /) -> str | None:
        """Return the operation asked for, or None when the request is for another service."""

    def params(self, request: Request, operation: str) -> Document:
        """Return the request's checked parameters."""

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Carry out the operation."""


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
        return wire.json_response(model.answer(model.operation(self.name, operation), result))


class Runtime:
    """SageMaker's runtime: InvokeEndpoint."""

    name = "sagemaker-runtime"

    def __init__(self, invoker: Invoker) -> None:
        self._invoker = invoker

    def operation(self, request: Request, signed: Signature) -> str | None:
        """Return the operation of a path below /endpoints."""
        if signed.service not in {"sagemaker", ""} or not request.path.startswith("/endpoints/"):
            return None
        found = rest.match(self.name, request)
        return found.name if found else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters; a violation is a ValidationError here."""
        if operation != "InvokeEndpoint":
            raise unsupported(f"{operation} of SageMaker Runtime")
        described = model.operation(self.name, operation)
        try:
            checked = model.check(described, rest.params(described, request, request.data))
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
        found = rest.match(self.name, request)
        return found.name if found else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        if operation not in self._handlers:
            raise unsupported(f"{operation} of SageMaker Feature Store Runtime")
        described = model.operation(self.name, operation)
        try:
            return model.check(described, rest.params(described, request, request.data))
        except Refusal as refusal:
            raise Refusal("ValidationError", refusal.message) from refusal

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Carry out an operation."""
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        return wire.json_response(model.answer(model.operation(self.name, operation), result))
