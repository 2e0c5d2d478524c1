"""The headers of a request that outlive it: ids, traces and custom attributes, in and out."""

import os
import re
from collections.abc import Mapping
from http import HTTPStatus

import msgspec

from sagemaker_gitops_modelkit.serving.problem import Problem

INFERENCE_ID = b"x-amzn-sagemaker-inference-id"
ATTRIBUTES = b"x-amzn-sagemaker-custom-attributes"
TRACES = (b"traceparent", b"tracestate", b"x-amzn-trace-id")
READ = frozenset({INFERENCE_ID, ATTRIBUTES, *TRACES})

MAX_ATTRIBUTES = 1024  # InvokeEndpoint's limit for CustomAttributes
INFERENCE_ID_FORM = re.compile(rb"[\x21-\x7e][\x20-\x7e]{0,63}")  # InvokeEndpoint's rule for InferenceId
PRINTABLE = re.compile(rb"[\x20-\x7e]+")
OURS = (b"model-version", b"fingerprint", b"inference-id")

Header = tuple[bytes, bytes]
Headers = Mapping[bytes, bytes]


class Context(msgspec.Struct, frozen=True, kw_only=True):
    """Under which id the caller asks, and as part of which trace."""

    inference_id: str
    attributes: bytes
    traces: tuple[Header, ...]

    @property
    def trace(self) -> str | None:
        """The trace that this request belongs to, as its caller wrote it."""
        return self.traces[0][1].decode("ascii") if self.traces else None


def read_context(headers: Headers) -> Context:
    """Take what the caller sent, and an id of our own where it sent none that can be kept."""
    if READ.isdisjoint(headers):
        return Context(inference_id=_new_id(), attributes=b"", traces=())
    attributes = _printable(headers.get(ATTRIBUTES, b""))
    inference_id = headers.get(INFERENCE_ID)
    return Context(
        inference_id=inference_id.decode() if _is_id(inference_id) and inference_id else _new_id(),
        attributes=attributes,
        # InvokeEndpoint forwards no trace headers, so a caller behind it puts them into the attributes.
        traces=_traces(headers) or (_traces(_pairs(attributes)) if attributes else ()),
    )


def refuse_bad_id(headers: Headers) -> None:
    """Refuse an id of the caller's that cannot be kept: its answer could never be found again."""
    if not _is_id(headers.get(INFERENCE_ID)):
        detail = "the inference id must be 1 to 64 printable ASCII characters and not begin with a space"
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid-inference-id", detail)


class AttributesWriter:
    """Writes the custom attributes of answers: ours, then the caller's as far as SageMaker's limit allows."""

    def __init__(self, *, model_version: str, fingerprint: str) -> None:
        ours = f"model-version={_escaped(model_version)};fingerprint={_escaped(fingerprint)};inference-id="
        self._ours = ours.encode("ascii")

    def write(self, context: Context) -> bytes:
        """Join them; a caller's attribute that pretends to be ours is left out."""
        written = self._ours + _escaped(context.inference_id).encode("ascii")
        for part in context.attributes.split(b";") if context.attributes else ():
            room = len(written) + 1 + len(part) <= MAX_ATTRIBUTES
            if part and room and part.partition(b"=")[0].strip().lower() not in OURS:
                written += b";" + part
        return written


def _new_id() -> str:
    """Make a UUID of version 4 (RFC 9562); the standard library's takes three times as long."""
    digits = os.urandom(16).hex()
    variant = "89ab"[int(digits[16], 16) % 4]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"


def _escaped(value: str) -> str:
    """Keep a value from ending its attribute, by percent-encoding."""
    return value.replace("%", "%25").replace(";", "%3B")


def _is_id(value: bytes | None) -> bool:
    return value is None or INFERENCE_ID_FORM.fullmatch(value) is not None


def _traces(source: Headers) -> tuple[Header, ...]:
    return tuple((name, value) for name in TRACES if name in source and (value := _printable(source[name])))


def _pairs(attributes: bytes) -> Headers:
    return dict(part.strip().partition(b"=")[::2] for part in attributes.split(b";"))


def _printable(value: bytes) -> bytes:
    return value if PRINTABLE.fullmatch(value) else b""
