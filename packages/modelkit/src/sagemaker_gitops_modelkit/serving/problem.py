"""What a caller did wrong, or why the server cannot answer now: RFC 9457 problem details."""

from collections.abc import Iterable, Sequence
from http import HTTPStatus
from itertools import islice

import msgspec

MEDIA_TYPE = b"application/problem+json"
MAX_LISTED = 1000


class FieldError(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One thing wrong with the input; `row` counts from 0 in the order of the request."""

    detail: str
    row: int | None = None
    field: str | None = None


class Problem(Exception):
    """A request that gets no prediction; `kind` is the stable name callers may branch on."""

    def __init__(
        self,
        status: HTTPStatus,
        kind: str,
        detail: str,
        *,
        errors: Sequence[FieldError] = (),
        omitted: int = 0,
        headers: Sequence[tuple[bytes, bytes]] = (),
    ) -> None:
        super().__init__(detail)
        self.status = status
        self.kind = kind
        self.detail = detail
        self.errors = errors
        self.omitted = omitted
        self.headers = headers


class _Details(msgspec.Struct, kw_only=True, omit_defaults=True):
    type: str
    title: str
    status: int
    detail: str
    instance: str
    model_version: str
    errors: Sequence[FieldError] = ()
    errors_omitted: int = 0


def encode_problem(problem: Problem, *, inference_id: str, model_version: str) -> bytes:
    """Write the problem as a body of type application/problem+json."""
    details = _Details(
        type=f"urn:problem-type:{problem.kind}",
        title=problem.status.phrase,
        status=problem.status,
        detail=problem.detail,
        instance=f"urn:inference-id:{inference_id}",
        model_version=model_version,
        errors=problem.errors,
        errors_omitted=problem.omitted,
    )
    return msgspec.json.encode(details)


def malformed(detail: str) -> Problem:
    """Say that the body does not follow its media type's grammar."""
    return Problem(HTTPStatus.BAD_REQUEST, "malformed-body", detail)


def invalid(errors: Iterable[FieldError]) -> Problem:
    """Say where a well-formed body contradicts the model's schema; the first thousand errors are listed."""
    remaining = iter(errors)
    listed = list(islice(remaining, MAX_LISTED))
    omitted = sum(1 for _ in remaining)
    detail = f"the input contradicts the model's schema in {len(listed) + omitted} place(s)"
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-input", detail, errors=listed, omitted=omitted)


def too_large(detail: str) -> Problem:
    """Say that the body or the batch is beyond this server's limits; splitting it helps."""
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large", detail)


def overloaded(detail: str) -> Problem:
    """Say that the queue is full, or the wait in it was too long; trying again helps."""
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, "overloaded", detail, headers=((b"retry-after", b"1"),))


def not_found(path: str) -> Problem:
    """Say that nothing answers under this path."""
    return Problem(HTTPStatus.NOT_FOUND, "not-found", f"{path[:60]} is neither /ping nor /invocations")


def method_not_allowed(allowed: str) -> Problem:
    """Say which methods the path has."""
    headers = ((b"allow", allowed.encode("ascii")),)
    return Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", f"use {allowed}", headers=headers)
