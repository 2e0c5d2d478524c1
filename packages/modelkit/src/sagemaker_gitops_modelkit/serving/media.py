"""The media types of a request and its answer, negotiated from the headers."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from http import HTTPStatus

import msgspec

from sagemaker_gitops_modelkit.cells import media_type, told_header
from sagemaker_gitops_modelkit.serving.problem import Problem

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
ENCODINGS = frozenset({"utf-8", "utf8", "us-ascii"})
_QUALITY = re.compile(r"[01](?:\.[0-9]{0,3})?")
# Headers come from callers: without a limit they would fill the cache for ever.
MAX_FORMS = 256


class Form(msgspec.Struct, frozen=True, kw_only=True):
    """How the caller writes its rows, and how it wants its answer."""

    content: str
    header: bool | None
    accept: str


def read_form(headers: Mapping[bytes, bytes]) -> Form:
    """Negotiate, or raise 415 or 406."""
    return _negotiate(
        headers.get(b"content-type", b"application/json"),
        headers.get(b"content-encoding", b"identity"),
        headers.get(b"accept", b""),
    )


@lru_cache(maxsize=MAX_FORMS)
def _negotiate(content_type: bytes, coding: bytes, accept: bytes) -> Form:
    content, parameters = media_type(content_type.decode("latin-1"))
    readable = parameters.get("charset", "utf-8").lower() in ENCODINGS and coding.strip().lower() == b"identity"
    if content not in {JSON, CSV, ARROW} or not readable:
        detail = f"expected {JSON} or {CSV} in UTF-8, or {ARROW}; uncompressed"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
    return Form(content=content, header=told_header(parameters), accept=_accepted(accept.decode("latin-1")))


def _accepted(accept: str) -> str:
    """Choose the form with the highest weight (RFC 9110, 12.5.1); JSON where both have the same, or none is asked."""
    wanted = [media_type(part) for part in accept.split(",") if part.strip()]
    weights = {form: _weight(form, wanted) for form in (JSON, CSV)} if wanted else {JSON: 1.0}
    best = max(weights, key=lambda form: weights[form])
    if not weights[best]:
        raise Problem(HTTPStatus.NOT_ACCEPTABLE, "not-acceptable", f"answers are {JSON} or {CSV}")
    return best


def _weight(form: str, wanted: Sequence[tuple[str, Mapping[str, str]]]) -> float:
    """Return the weight of the most specific range that a form lies in, 0 where it lies in none."""
    for wide in (form, f"{form.partition('/')[0]}/*", "*/*"):
        if found := [_quality(parameters.get("q", "1")) for kind, parameters in wanted if kind == wide]:
            return max(found)
    return 0.0


def _quality(text: str) -> float:
    """Read a weight; one that is none asks for nothing less."""
    return min(float(text), 1.0) if _QUALITY.fullmatch(text) else 1.0
