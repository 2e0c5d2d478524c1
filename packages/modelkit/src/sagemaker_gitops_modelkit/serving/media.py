"""The media types of a request and its answer, negotiated from the headers."""

from collections.abc import Mapping
from functools import lru_cache
from http import HTTPStatus

import msgspec

from sagemaker_gitops_modelkit.serving.problem import Problem

JSON = "application/json"
CSV = "text/csv"
ARROW = "application/vnd.apache.arrow.stream"
ANY_JSON = frozenset({"*/*", "application/*", JSON, ""})
ANY_CSV = frozenset({"text/*", CSV})
ENCODINGS = frozenset({"utf-8", "utf8", "us-ascii"})
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
    content, parameters = _media_type(content_type)
    readable = parameters.get("charset", "utf-8").lower() in ENCODINGS and coding.strip().lower() == b"identity"
    if content not in {JSON, CSV, ARROW} or not readable:
        detail = f"expected {JSON} or {CSV} in UTF-8, or {ARROW}; uncompressed"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
    header = {"present": True, "absent": False}.get(parameters.get("header", "").lower())
    return Form(content=content, header=header, accept=_accepted(accept))


def _accepted(accept: bytes) -> str:
    offered = {_media_type(part)[0] for part in accept.split(b",")}
    if offered & ANY_JSON:
        return JSON
    if offered & ANY_CSV:
        return CSV
    raise Problem(HTTPStatus.NOT_ACCEPTABLE, "not-acceptable", f"answers are {JSON} or {CSV}")


def _media_type(value: bytes) -> tuple[str, Mapping[str, str]]:
    kind, *parameters = value.decode("latin-1").split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return kind.strip().lower(), {name.strip().lower(): text.strip(' "') for name, _, text in pairs}
