"""The headers of a request that outlive it: ids, traces and custom attributes, in and out."""

import re
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import quote

from problem import Problem

INFERENCE_ID = b"x-amzn-sagemaker-inference-id"
ATTRIBUTES = b"x-amzn-sagemaker-custom-attributes"
TRACE_HEADERS = (b"traceparent", b"tracestate", b"x-amzn-trace-id")

MAX_ATTRIBUTES = 1024  # InvokeEndpoint's limit for CustomAttributes
MAX_INFERENCE_ID = 64  # InvokeEndpoint's limit for InferenceId
PRINTABLE = re.compile(r"[\x20-\x7e]*")

Header = tuple[bytes, bytes]
Headers = Mapping[bytes, bytes]


@dataclass(frozen=True, kw_only=True)
class Context:
    """Who asked, under which id, as part of which trace."""

    inference_id: str
    received: str
    traces: tuple[Header, ...]

    @property
    def trace(self) -> str | None:
        """The trace that this request belongs to, as its caller wrote it."""
        return self.traces[0][1].decode("ascii") if self.traces else None


def read_context(headers: Headers) -> Context:
    """Take what the caller sent, and an id of our own where it sent none."""
    received = _printable(headers.get(ATTRIBUTES, b""))[:MAX_ATTRIBUTES]
    traces = tuple((name, headers[name]) for name in TRACE_HEADERS if _printable(headers.get(name, b"")))
    return Context(
        inference_id=_inference_id(headers) or str(uuid.uuid4()),
        received=received,
        # InvokeEndpoint forwards no trace headers, so a caller behind it puts them into the attributes.
        traces=traces or _traces_among(received),
    )


def refuse_bad_id(headers: Headers) -> None:
    """Refuse an id of the caller's that cannot be kept: its answer could never be found again."""
    if INFERENCE_ID in headers and _inference_id(headers) is None:
        detail = f"the inference id must be 1 to {MAX_INFERENCE_ID} printable ASCII characters"
        raise Problem(HTTPStatus.BAD_REQUEST, "invalid-inference-id", detail)


def attributes(own: Mapping[str, str], received: str) -> bytes:
    """Join our attributes, then the caller's that neither pretend to be ours nor pass SageMaker's limit."""
    parts = [f"{name}={quote(value, safe=' ~:/+@')}" for name, value in own.items()]
    left = MAX_ATTRIBUTES - len(";".join(parts))
    for part in filter(None, received.split(";")):
        left -= len(part) + 1
        if part.partition("=")[0].strip().lower() not in own and left >= 0:
            parts.append(part)
    return ";".join(parts).encode("ascii")


def _inference_id(headers: Headers) -> str | None:
    value = _printable(headers.get(INFERENCE_ID, b""))
    return value if 0 < len(value) <= MAX_INFERENCE_ID else None


def _traces_among(received: str) -> tuple[Header, ...]:
    pairs = dict(part.strip().partition("=")[::2] for part in received.split(";"))
    names = (name.decode() for name in TRACE_HEADERS)
    return tuple((name.encode(), pairs[name].encode()) for name in names if pairs.get(name))


def _printable(value: bytes) -> str:
    text = value.decode("latin-1")
    return text if PRINTABLE.fullmatch(text) else ""
