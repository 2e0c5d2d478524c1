"""REST requests read by botocore's model: which operation, and its parameters."""

import functools
import json
from urllib.parse import unquote

import regex
from botocore.model import OperationModel, Shape, StructureShape
from werkzeug.wrappers import Request

from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.model import service
from sagemaker_gitops.local.server.refusal import Refusal


@functools.cache
def _routes(service_name: str) -> list[tuple[str, regex.Pattern[str], OperationModel]]:
    model = service(service_name)
    operations = [model.operation_model(name) for name in model.operation_names]
    return [(o.http["method"], _pattern(o.http["requestUri"]), o) for o in operations]


def _pattern(uri: str) -> regex.Pattern[str]:
    path = regex.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", uri.split("?", maxsplit=1)[0])
    return regex.compile(path.rstrip("/") + "/?")


def match(service_name: str, request: Request) -> OperationModel | None:
    """Return the operation of a service that a request asks for."""
    for method, pattern, operation in _routes(service_name):
        if method == request.method and pattern.fullmatch(request.path):
            return operation
    return None


def params(operation: OperationModel, request: Request, body: bytes) -> Document:
    """Return the parameters of a request, from its path, query, headers and body."""
    shape = operation.input_shape
    if shape is None:
        return {}
    payload = shape.serialization.get("payload")
    found: Document = {payload: body} if payload else _body_members(shape, body)
    in_path = _pattern(operation.http["requestUri"]).fullmatch(request.path)
    uri = {k: unquote(v) for k, v in in_path.groupdict().items()} if in_path else {}
    for name, member in shape.members.items():
        value = _located(member, name, request, uri)
        if value is not None:
            found[name] = value
    return found


def _located(member: Shape, name: str, request: Request, uri: dict[str, str]) -> str | list[str] | None:
    location, key = member.serialization.get("location"), member.serialization.get("name", name)
    if location == "uri":
        return uri.get(key)
    if location == "header":
        return request.headers.get(key)
    if location == "querystring":
        values = request.args.getlist(key)
        return values if member.type_name == "list" and values else request.args.get(key)
    return None


def _body_members(shape: StructureShape, body: bytes) -> Document:
    if not body:
        return {}
    try:
        document = json.loads(body)
    except ValueError:
        raise Refusal("SerializationException", "The request body is not JSON.") from None
    located = {name for name, member in shape.members.items() if "location" in member.serialization}
    return {k: v for k, v in document.items() if k not in located} if isinstance(document, dict) else {}
