"""Requests and responses as botocore's service model describes them, checked as strictly as AWS does."""

import functools
import json
from collections.abc import Callable, Iterator
from urllib.parse import unquote

import botocore.session
import regex
from botocore.model import ListShape, MapShape, OperationModel, ServiceModel, Shape, StringShape, StructureShape
from werkzeug.wrappers import Request

from sagemaker_gitops.local.server.context import Document, Refusal, unsupported

_PYTHON_TYPES: dict[str, tuple[type, ...]] = {
    "structure": (dict,),
    "map": (dict,),
    "list": (list,),
    "string": (str,),
    "blob": (str, bytes),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
}


@functools.cache
def service(name: str) -> ServiceModel:
    """Return botocore's model of a service."""
    return botocore.session.get_session().get_service_model(name)


def operation(service_name: str, name: str) -> OperationModel:
    """Return the model of an operation, or refuse one that the service does not have."""
    model = service(service_name)
    if name not in model.operation_names:
        raise Refusal("UnknownOperationException", f"{service_name} has no operation {name}.")
    return model.operation_model(name)


def check(model: OperationModel, params: object) -> Document:
    """Return the parameters if AWS would take them; refuse in AWS's words otherwise."""
    shape = model.input_shape
    if not isinstance(params, dict):
        raise Refusal("SerializationException", "Start of structure or map expected.")
    if shape is None:
        return params
    cleaned = _without_nulls(params)
    _check_types(shape, cleaned, "")
    if found := list(_violations(shape, cleaned, "")):
        plural = "s" if len(found) > 1 else ""
        # Services that began with the Query protocol keep its code.
        query = "query" in model.service_model.metadata.get("protocols", [])
        raise Refusal(
            "ValidationError" if query else "ValidationException",
            f"{len(found)} validation error{plural} detected: {'; '.join(found)}",
        )
    return cleaned


def fill(shape: Shape | None, value: object) -> object:
    """Return a value with only the members that the model knows."""
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        known = {k: m for k, m in shape.members.items() if value.get(k) is not None}
        return {k: fill(m, value[k]) for k, m in known.items()}
    if isinstance(shape, ListShape) and isinstance(value, list):
        return [fill(shape.member, item) for item in value]
    if isinstance(shape, MapShape) and isinstance(value, dict):
        return {key: fill(shape.value, item) for key, item in value.items()}
    return value


def answer(model: OperationModel, response: Document) -> Document:
    """Return a response as the service would give it."""
    filled = fill(model.output_shape, response)
    return filled if isinstance(filled, dict) and model.output_shape else {}


def members_only(model: OperationModel, params: Document, known: frozenset[str]) -> None:
    """Refuse parameters that AWS takes and the embedded AWS would silently ignore."""
    if ignored := sorted(set(params) - known):
        raise unsupported(f"{', '.join(ignored)} of {model.name}")


def _without_nulls(value: object) -> Document:
    def clean(item: object) -> object:
        if isinstance(item, dict):
            return {k: clean(v) for k, v in item.items() if v is not None}
        return [clean(v) for v in item] if isinstance(item, list) else item

    cleaned = clean(value)
    return cleaned if isinstance(cleaned, dict) else {}


def _camel(name: str) -> str:
    return name[:1].lower() + name[1:]


def _join(path: str, *parts: str) -> str:
    return ".".join([*([path] if path else []), *parts])


def _children(shape: Shape, value: object, path: str) -> Iterator[tuple[Shape, object, str]]:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        yield from ((shape.members[k], v, _join(path, _camel(k))) for k, v in value.items() if k in shape.members)
    elif isinstance(shape, ListShape) and isinstance(value, list):
        yield from ((shape.member, v, _join(path, str(i), "member")) for i, v in enumerate(value, 1))
    elif isinstance(shape, MapShape) and isinstance(value, dict):
        for key, item in value.items():
            yield shape.key, key, _join(path, "key")
            yield shape.value, item, _join(path, key, "member")


def _check_types(shape: Shape, value: object, path: str) -> None:
    expected = _PYTHON_TYPES[shape.type_name]
    wrong_bool = isinstance(value, bool) and shape.type_name != "boolean"
    if wrong_bool or not isinstance(value, expected):
        raise Refusal(
            "SerializationException",
            f"Value {value!r} at '{path}' is a {type(value).__name__} and cannot be converted to {shape.type_name}",
        )
    if isinstance(shape, StructureShape) and isinstance(value, dict) and (more := set(value) - set(shape.members)):
        where = f" at '{path}'" if path else ""
        raise Refusal("ValidationException", f"Unknown parameter{where}: {', '.join(sorted(more))}")
    for child, item, below in _children(shape, value, path):
        _check_types(child, item, below)


def _violations(shape: Shape, value: object, path: str) -> Iterator[str]:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name in (n for n in shape.required_members if n not in value):
            yield f"Value null at '{_join(path, _camel(name))}' failed to satisfy constraint: Member must not be null"
    shown = "[***]" if shape.metadata.get("sensitive") else str(value)
    for constraint in _own_violations(shape, value):
        yield f"Value '{shown}' at '{path}' failed to satisfy constraint: Member must {constraint}"
    for child, item, below in _children(shape, value, path):
        yield from _violations(child, item, below)


def _own_violations(shape: Shape, value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield from _string_violations(shape, value)
    size, noun = _measure(shape, value)
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if size is not None and low is not None and size < low:
        yield f"have {noun} greater than or equal to {low}"
    if size is not None and high is not None and size > high:
        yield f"have {noun} less than or equal to {high}"


def _measure(shape: Shape, value: object) -> tuple[float | None, str]:
    if isinstance(value, int | float) and not isinstance(value, bool) and shape.type_name != "timestamp":
        return value, "value"
    if isinstance(value, str | list | bytes | dict) and shape.type_name in {"string", "list", "blob", "map"}:
        return len(value), "length"
    return None, ""


def _string_violations(shape: Shape, value: str) -> Iterator[str]:
    allowed = shape.enum if isinstance(shape, StringShape) else []
    if allowed and value not in allowed:
        yield f"satisfy enum value set: [{', '.join(allowed)}]"
    pattern = shape.metadata.get("pattern")
    if pattern and not _matcher(pattern)(value):
        yield f"satisfy regular expression pattern: {pattern}"


@functools.cache
def _matcher(pattern: str) -> Callable[[str], object]:
    # AWS's patterns are Java's: \p{...} classes, which the re module does not know, and pairs of UTF-16.
    pairs = r"\uD800\uDC00-\uDBFF\uDFFF"
    return regex.compile(pattern.replace(r"\z", r"\Z").replace(pairs, r"\U00010000-\U0010FFFF")).fullmatch


@functools.cache
def _routes(service_name: str) -> list[tuple[str, regex.Pattern[str], OperationModel]]:
    model = service(service_name)
    operations = [model.operation_model(name) for name in model.operation_names]
    return [(o.http["method"], _pattern(o.http["requestUri"]), o) for o in operations]


def _pattern(uri: str) -> regex.Pattern[str]:
    path = regex.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", uri.split("?", maxsplit=1)[0])
    return regex.compile(path.rstrip("/") + "/?")


def rest_operation(service_name: str, request: Request) -> OperationModel | None:
    """Return the operation of a service that a request asks for."""
    for method, pattern, operation in _routes(service_name):
        if method == request.method and pattern.fullmatch(request.path):
            return operation
    return None


def rest_params(operation: OperationModel, request: Request, body: bytes) -> Document:
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
