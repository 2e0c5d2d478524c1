"""Signatures of requests, and answers and errors in the protocols that AWS clients speak."""

import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from xml.sax.saxutils import escape

import cbor2
import regex
from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.server.context import Document, Refusal

DEFAULT_REGION = "us-east-1"
_CREDENTIAL = regex.compile(r"Credential=(?P<key>[^/,\s]+)/\d+/(?P<region>[^/]+)/(?P<service>[^/]+)/aws4_request")


@dataclass(frozen=True, kw_only=True)
class Signature:
    """What a request's Authorization header says."""

    access_key: str
    region: str
    service: str


def signature(request: Request) -> Signature:
    """Return the signature's scope; an unsigned request gets an empty service."""
    text = request.headers.get("Authorization", "") or request.args.get("X-Amz-Credential", "")
    found = _CREDENTIAL.search(text if text.startswith("AWS4") else f"Credential={text}")
    if not found:
        return Signature(access_key="", region=DEFAULT_REGION, service="")
    return Signature(access_key=found["key"], region=found["region"], service=found["service"].lower())


_FORM = "application/x-www-form-urlencoded"
JSON_TYPE = "application/x-amz-json-1.1"
CBOR_TYPE = "application/cbor"


def json_response(document: Document, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON answer."""
    return _response(json.dumps(document).encode(), JSON_TYPE, status, headers)


def cbor_response(document: Document, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return an answer in Smithy RPC v2 CBOR; datetimes become epoch seconds."""
    more = {"smithy-protocol": "rpc-v2-cbor", **(headers or {})}
    return _response(cbor2.dumps(document, datetime_as_timestamp=True), CBOR_TYPE, status, more)


def error_response(request: Request, refusal: Refusal, service: str) -> Response:
    """Return a refusal in the protocol of the request."""
    if request.headers.get("smithy-protocol"):
        body = {"__type": refusal.code, "message": refusal.message}
        return cbor_response(body, refusal.status, {"x-amzn-query-error": f"{refusal.code};Sender"})
    if service == "s3" or request.mimetype == _FORM:
        return _xml_error(refusal, service)
    document = {"__type": refusal.code, "message": refusal.message, "Message": refusal.message}
    return json_response(document, refusal.status, {"x-amzn-ErrorType": refusal.code})


def operation_name(request: Request) -> str:
    """Return the operation that a request to any service asks for, as far as the request says it."""
    if target := request.headers.get("X-Amz-Target"):
        return target.rsplit(".", 1)[-1]
    if request.headers.get("smithy-protocol"):
        return request.path.rsplit("/", 1)[-1]
    action = request.form.get("Action") if request.mimetype == _FORM else None
    return action or f"{request.method} {request.path}"


def _xml_error(refusal: Refusal, service: str) -> Response:
    inner = f"<Code>{escape(refusal.code)}</Code><Message>{escape(refusal.message)}</Message>"
    error = f"<Error>{inner}</Error>"
    text = error if service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>"
    return _response(text.encode(), "text/xml", refusal.status, None)


def _response(body: bytes, content_type: str, status: int, headers: Mapping[str, str] | None) -> Response:
    every = {"Content-Type": content_type, "x-amzn-RequestId": str(uuid.uuid4()), **(headers or {})}
    return Response(body, status=status, headers=every)
