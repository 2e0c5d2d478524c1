"""The two protocols in which today's clients speak to CloudWatch: Smithy RPC v2 CBOR, and JSON."""

import datetime as dt
import gzip
import json

import cbor2
from botocore.model import ListShape, Shape, StructureShape
from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.iam.identity import Signature
from sagemaker_gitops.local.server import model, wire
from sagemaker_gitops.local.server.context import Call, Caller, Document
from sagemaker_gitops.local.server.fronts import Handler
from sagemaker_gitops.local.server.refusal import Refusal

_SERVICE = "cloudwatch"
_TARGET = "GraniteServiceVersion20100801"


class CborCloudWatch:
    """CloudWatch's metric operations as boto3 and the AWS CLI send them."""

    name = "monitoring"

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    def operation(self, request: Request, _signed: Signature, /) -> str | None:
        """Return the operation in the path, if the plane implements it."""
        prefix = f"/service/{_TARGET}/operation/"
        name = request.path.removeprefix(prefix) if request.path.startswith(prefix) else None
        return name if name in self._handlers else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        try:
            body = _plain(request)
            decoded = _with_epochs(cbor2.loads(body) if body else {})
        except cbor2.CBORDecodeError as problem:
            raise Refusal("SerializationException", f"The request body is not CBOR: {problem}") from None
        return model.check(model.operation(_SERVICE, operation), decoded)

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Carry out the operation."""
        described = model.operation(_SERVICE, operation)
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        document = _with_datetimes(described.output_shape, model.answer(described, result))
        return wire.cbor_response(document if isinstance(document, dict) else {})


class JsonCloudWatch:
    """CloudWatch's metric operations in AWS JSON."""

    name = "monitoring"

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    def operation(self, request: Request, _signed: Signature, /) -> str | None:
        """Return the operation in the target header, if the plane implements it."""
        service, _, name = request.headers.get("X-Amz-Target", "").partition(".")
        return name if service == _TARGET and name in self._handlers else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        return model.check(model.operation(_SERVICE, operation), json.loads(_plain(request) or b"{}"))

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Carry out the operation."""
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        return wire.json_response(model.answer(model.operation(_SERVICE, operation), result))


def _plain(request: Request) -> bytes:
    """Return the body; boto3 compresses PutMetricData from 10 KiB on."""
    body = request.get_data()
    return gzip.decompress(body) if request.headers.get("Content-Encoding") == "gzip" else body


def _with_epochs(value: object) -> object:
    if isinstance(value, dict):
        return {key: _with_epochs(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_with_epochs(item) for item in value]
    return value.timestamp() if isinstance(value, dt.datetime) else value


def _with_datetimes(shape: Shape | None, value: object) -> object:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        return {key: _with_datetimes(shape.members[key], item) for key, item in value.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [_with_datetimes(shape.member, item) for item in value]
    if shape is not None and shape.type_name == "timestamp" and isinstance(value, int | float):
        return dt.datetime.fromtimestamp(value, dt.UTC)
    return value
