"""The ASGI application: /ping and /invocations as SageMaker calls them."""

import asyncio
import hashlib
import time
from collections import Counter
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

from admission import Admission
from context import ATTRIBUTES, Context, Header, Headers, attributes, read_context, refuse_bad_id
from invocation import CSV, Form, Invocation, read_form
from predictor import Scores
from problem import MEDIA_TYPE, Problem, encode_problem, overloaded, too_large
from settings import Settings
from telemetry import Journal, Metrics, RequestLine

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

# A body beyond this takes milliseconds: a thread answers it while the loop goes on answering small ones.
INLINE_BYTES = 32 * 1024
METRICS_SECONDS = 10.0


class CallerGone(Exception):
    """The caller hung up before its request was complete."""


@dataclass(frozen=True, kw_only=True)
class _Outcome:
    """What one request comes to: its answer and what is recorded of it."""

    status: HTTPStatus
    body: bytes
    media_type: bytes
    headers: Sequence[Header] = ()
    digest: str | None = None
    scores: Scores | None = None
    problem: str | None = None


class Application:
    """One worker's request handling; create it inside the worker that runs it."""

    def __init__(self, invocation: Invocation, settings: Settings, journal: Journal) -> None:
        self._invocation = invocation
        self._settings = settings
        self._journal = journal
        self._metrics = Metrics(settings, journal)
        self._metrics_due: asyncio.TimerHandle | None = None
        self._admission = Admission(max_requests=settings.queue_requests, max_bytes=settings.queue_bytes)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batch")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            raise NotImplementedError(f"no {scope['type']} here")
        if scope["path"] == "/invocations":
            await self._invocations(scope, receive, send)
        elif scope["path"] == "/ping":
            await _send(send, HTTPStatus.OK, b"", headers=())
        else:
            await _send(send, HTTPStatus.NOT_FOUND, b"", headers=())

    def close(self) -> None:
        """Write what is still unwritten."""
        self._thread.shutdown()
        self._metrics.flush()

    async def _invocations(self, scope: Message, receive: Receive, send: Send) -> None:
        started = time.perf_counter()
        headers: Headers = dict(scope["headers"])
        context = read_context(headers)
        try:
            outcome = await self._outcome(scope["method"], headers, receive, context=context, started=started)
        except CallerGone:
            return
        except Problem as problem:
            outcome = self._problem(problem, context)
        await _send(send, outcome.status, outcome.body, headers=self._headers(outcome, context))
        self._record(outcome, context, latency_ms=(time.perf_counter() - started) * 1000)

    async def _outcome(
        self, method: str, headers: Headers, receive: Receive, *, context: Context, started: float
    ) -> _Outcome:
        if method != "POST":
            allow = ((b"allow", b"POST"),)
            raise Problem(HTTPStatus.METHOD_NOT_ALLOWED, "method-not-allowed", "use POST", headers=allow)
        refuse_bad_id(headers)
        form = read_form(headers)
        size = _announced_size(headers, limit=self._settings.max_body_bytes)
        with self._admission.admit(size):
            body = await _read_body(receive, limit=self._settings.max_body_bytes)
            # Let every request that has already arrived take its place in the queue before one is computed.
            await asyncio.sleep(0)
            deadline = started + self._settings.deadline_seconds
            if len(body) <= INLINE_BYTES:
                return self._answer(body, form, context, deadline=deadline)
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(
                self._thread, lambda: self._answer(body, form, context, deadline=deadline)
            )

    def _answer(self, body: bytes, form: Form, context: Context, *, deadline: float) -> _Outcome:
        if time.perf_counter() > deadline:
            raise overloaded(f"waited longer than {self._settings.deadline_seconds:g} s")
        scores = self._invocation.scores(body, form)
        return _Outcome(
            status=HTTPStatus.OK,
            body=self._invocation.encode(scores, inference_id=context.inference_id, form=form),
            media_type=b"text/csv; charset=utf-8; header=absent" if form.accept == CSV else b"application/json",
            digest=hashlib.sha256(body).hexdigest(),
            scores=scores,
        )

    def _problem(self, problem: Problem, context: Context) -> _Outcome:
        version = self._settings.model_version
        return _Outcome(
            status=problem.status,
            body=encode_problem(problem, inference_id=context.inference_id, model_version=version),
            media_type=MEDIA_TYPE,
            headers=problem.headers,
            problem=problem.kind,
        )

    def _headers(self, outcome: _Outcome, context: Context) -> list[Header]:
        own = {
            "model-version": self._settings.model_version,
            "fingerprint": self._settings.fingerprint,
            "inference-id": context.inference_id,
        }
        return [
            (b"content-type", outcome.media_type),
            (ATTRIBUTES, attributes(own, context.received)),
            *context.traces,
            *outcome.headers,
        ]

    def _record(self, outcome: _Outcome, context: Context, *, latency_ms: float) -> None:
        scores = outcome.scores
        self._metrics.record(latency_ms=round(latency_ms, 3), status=outcome.status, scores=scores)
        if self._metrics_due is None:
            self._metrics_due = asyncio.get_running_loop().call_later(METRICS_SECONDS, self._flush_metrics)
        line = RequestLine(
            event="prediction" if scores else "refusal",
            inference_id=context.inference_id,
            model_version=self._settings.model_version,
            fingerprint=self._settings.fingerprint,
            status=outcome.status,
            latency_ms=round(latency_ms, 3),
            variant=self._settings.variant,
            rows=len(scores.labels) if scores else None,
            input_sha256=outcome.digest,
            labels=Counter(scores.labels) if scores else None,
            problem=outcome.problem,
            trace=context.trace,
        )
        self._journal.write(line)

    def _flush_metrics(self) -> None:
        self._metrics_due = None
        self._metrics.flush()


def _announced_size(headers: Headers, *, limit: int) -> int:
    """Return the body's size where the caller announces it, else the most that it may send."""
    announced = headers.get(b"content-length")
    size = int(announced) if announced is not None else limit
    if size > limit:
        raise too_large(f"{size} bytes, more than {limit}; send the rows in several requests")
    return size


async def _read_body(receive: Receive, *, limit: int) -> bytes:
    message = await receive()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    parts = bytearray(body)
    while message.get("more_body"):
        message = await receive()
        parts += message.get("body", b"")
        if len(parts) > limit:
            raise too_large(f"more than {limit} bytes; send the rows in several requests")
    if message["type"] == "http.disconnect":
        raise CallerGone
    return bytes(parts)


async def _send(send: Send, status: HTTPStatus, body: bytes, *, headers: Sequence[Header]) -> None:
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status.value, "headers": [length, *headers]})
    await send({"type": "http.response.body", "body": body})
