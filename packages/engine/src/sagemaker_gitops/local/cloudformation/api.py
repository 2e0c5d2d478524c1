"""CloudFormation's API in AWS's Query protocol: form fields in, XML out, both as botocore's model describes them."""

import datetime as dt
import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping

from botocore.model import ListShape, MapShape, OperationModel, Shape, StructureShape
from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.cloudformation.operations import CloudFormation
from sagemaker_gitops.local.server import model
from sagemaker_gitops.local.server.context import Call, Caller, Document, Refusal, unsupported
from sagemaker_gitops.local.server.protocols import Signature

_NAMESPACE = "http://cloudformation.amazonaws.com/doc/2010-05-15/"
_REQUEST_ID = "00000000-0000-0000-0000-000000000000"


def query_parameters(model: OperationModel, form: Mapping[str, str]) -> Document:
    """Read an operation's parameters from a form."""
    shape = model.input_shape
    return _structure(shape, form, "") if isinstance(shape, StructureShape) else {}


def query_response(model: OperationModel, answer: Document) -> bytes:
    """Write an operation's answer as XML."""
    root = ET.Element(f"{model.name}Response", xmlns=_NAMESPACE)
    if isinstance(model.output_shape, StructureShape):
        result = ET.SubElement(root, model.output_shape.serialization["resultWrapper"])
        _write(result, model.output_shape, answer)
    metadata = ET.SubElement(root, "ResponseMetadata")
    ET.SubElement(metadata, "RequestId").text = _REQUEST_ID
    return ET.tostring(root)


def error(refusal: Refusal) -> bytes:
    """Write a refusal as XML."""
    root = ET.Element("ErrorResponse", xmlns=_NAMESPACE)
    inner = ET.SubElement(root, "Error")
    ET.SubElement(inner, "Type").text = "Sender" if refusal.status < 500 else "Receiver"
    ET.SubElement(inner, "Code").text = refusal.code
    ET.SubElement(inner, "Message").text = refusal.message
    ET.SubElement(root, "RequestId").text = _REQUEST_ID
    return ET.tostring(root)


def _structure(shape: StructureShape, form: Mapping[str, str], prefix: str) -> Document:
    found = {}
    for name, member in shape.members.items():
        key = prefix + member.serialization.get("name", name)
        if any(field == key or field.startswith(f"{key}.") for field in form):
            found[name] = _value(member, form, key)
    return found


def _value(shape: Shape, form: Mapping[str, str], key: str) -> object:
    if isinstance(shape, StructureShape):
        return _structure(shape, form, f"{key}.")
    if isinstance(shape, ListShape):
        return [_value(shape.member, form, item) for item in _items(form, f"{key}.member")]
    if shape.type_name == "boolean":
        return form[key] == "true"
    return int(form[key]) if shape.type_name in {"integer", "long"} else form[key]


def _items(form: Mapping[str, str], prefix: str) -> Iterator[str]:
    number = 1
    while any(field == f"{prefix}.{number}" or field.startswith(f"{prefix}.{number}.") for field in form):
        yield f"{prefix}.{number}"
        number += 1


def _write(parent: ET.Element, shape: Shape, value: object) -> None:
    if isinstance(shape, StructureShape) and isinstance(value, dict):
        for name, member in shape.members.items():
            if value.get(name) is not None:
                _write(ET.SubElement(parent, member.serialization.get("name", name)), member, value[name])
    elif isinstance(shape, ListShape) and isinstance(value, list):
        for item in value:
            _write(ET.SubElement(parent, "member"), shape.member, item)
    elif isinstance(shape, MapShape):
        raise TypeError(f"{shape.name}: no map occurs in the answers of the embedded AWS")
    else:
        parent.text = _text(shape, value)


def _text(shape: Shape, value: object) -> str:
    if shape.type_name == "timestamp" and isinstance(value, int | float):
        return dt.datetime.fromtimestamp(value, dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    return str(value).lower() if isinstance(value, bool) else str(value)


class CloudFormationApi:
    """CloudFormation; never moto's, which reports success for what it skipped."""

    name = "cloudformation"

    def __init__(self, operations: CloudFormation) -> None:
        self._handlers = operations.operations()

    def operation(self, request: Request, signed: Signature) -> str | None:
        """Return the form's Action when the request is signed for CloudFormation."""
        return request.form.get("Action", "") if signed.service == self.name else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        described = model.operation(self.name, operation)
        if operation not in self._handlers:
            raise unsupported(f"{operation} of CloudFormation")
        return model.check(described, query_parameters(described, request.form))

    def answer(self, caller: Caller, operation: str, params: Document) -> Response:
        """Carry out an operation and write its answer as XML."""
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        return Response(query_response(model.operation(self.name, operation), result), content_type="text/xml")
