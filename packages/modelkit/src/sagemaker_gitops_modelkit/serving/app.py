"""The ASGI application: /ping and /invocations as SageMaker calls them."""

import asyncio
import hashlib
import time
from concurrent.futures import ThreadPoolExecutor
from http import HTTPStatus
from typing import Any

import msgspec

from sagemaker_gitops_modelkit.serving.admission import Admission
from sagemaker_gitops_modelkit.serving.asgi import (
    CallerGone,
    Incoming,
    Message,
    Receive,
    Send,
    announced_size,
    refuse,
    respond,
)
from sagemaker_gitops_modelkit.serving.coalescer import Coalescer
from sagemaker_gitops_modelkit.serving.codec import Codec
from sagemaker_gitops_modelkit.serving.context import (
    ATTRIBUTES,
    AttributesWriter,
    Context,
    Header,
    read_context,
    refuse_bad_id,
)
from sagemaker_gitops_modelkit.serving.media import CSV, Form, read_form
from sagemaker_gitops_modelkit.serving.model import Model
from sagemaker_gitops_modelkit.serving.predictor import Scores
from sagemaker_gitops_modelkit.serving.problem import (
    MEDIA_TYPE,
    Problem,
    encode_problem,
    method_not_allowed,
    not_found,
    overloaded,
)
from sagemaker_gitops_modelkit.serving.settings import Settings
from sagemaker_gitops_modelkit.serving.telemetry import Request, Telemetry

# A body beyond this takes milliseconds: a thread answers it while the loop goes on answering small ones.
INLINE_BYTES = 32 * 1024
OK = HTTPStatus.OK.value
MEDIA_TYPES = {CSV: b"text/csv; charset=utf-8; header=absent"}


class _Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What a request gets back, and what is remembered of it."""

    status: int
    body: bytes
    media_type: bytes
    headers: tuple[Header, ...] = ()
    problem: str | None = None
    digest: str | None = None
    scores: Scores | None = None


class Application:
    """One worker's request handling; create it inside the process that runs it."""

    def __init__(self, model: Model, settings: Settings, telemetry: Telemetry) -> None:
        self._settings = settings
        self._telemetry = telemetry
        self._predictor = model.predictor
        self._codec = Codec(model.schema, settings)
        self._coalescer = Coalescer(model.predictor)
        self._admission = Admission(max_requests=settings.queue_requests, max_bytes=settings.queue_bytes)
        self._attributes = AttributesWriter(model_version=settings.model_version, fingerprint=settings.fingerprint)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="batch")

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["path"] == "/ping" and scope["method"] in {"GET", "HEAD"}:
            # The server listens only once the model has passed its self-test, so an answer is a yes.
            await respond(send, OK, b"", headers=())
            return
        started = time.perf_counter()
        headers = dict(scope["headers"])
        context = read_context(headers)
        incoming = Incoming(receive)
        try:
            answer = await self._answer(scope, headers, incoming, context=context, started=started)
        except CallerGone:
            return
        except Problem as problem:
            answer = self._refusal(problem, context)
        own = ((b"content-type", answer.media_type), (ATTRIBUTES, self._attributes.write(context)))
        named = (*own, *context.traces, *answer.headers)
        self._remember(answer, context, started=started)
        if answer.problem is None:
            await respond(send, answer.status, answer.body, headers=named)
        else:
            # Who waits for leave to send its body has sent none.
            body = None if b"expect" in headers else incoming
            await refuse(send, answer.status, answer.body, headers=named, incoming=body)

    def close(self) -> None:
        """Write what is still unwritten."""
        self._thread.shutdown()
        self._telemetry.write_metrics()

    async def _answer(
        self, scope: Message, headers: dict[bytes, bytes], incoming: Incoming, *, context: Context, started: float
    ) -> _Answer:
        _refuse_other_routes(scope)
        refuse_bad_id(headers)
        form = read_form(headers)
        size = announced_size(headers, limit=self._settings.max_body_bytes)
        self._admission.enter(size)
        try:
            body = await incoming.read(limit=self._settings.max_body_bytes)
            return await self._admitted(body, form, context, started + self._settings.deadline_seconds)
        finally:
            self._admission.leave(size)

    async def _admitted(self, body: bytes, form: Form, context: Context, deadline: float) -> _Answer:
        if len(body) <= INLINE_BYTES:
            scores = await self._coalescer.scores(self._codec.decode(body, form))
            return self._prediction(body, form, scores, context=context)
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._thread, self._answer_in_thread, body, form, context, deadline)

    def _answer_in_thread(self, body: bytes, form: Form, context: Context, deadline: float) -> _Answer:
        if time.perf_counter() > deadline:
            raise overloaded(f"waited longer than {self._settings.deadline_seconds:g} s")
        scores = self._predictor.predict(self._codec.decode(body, form))
        return self._prediction(body, form, scores, context=context)

    def _prediction(self, body: bytes, form: Form, scores: Scores, *, context: Context) -> _Answer:
        return _Answer(
            status=OK,
            body=self._codec.encode(scores, form, inference_id=context.inference_id),
            media_type=MEDIA_TYPES.get(form.accept, b"application/json"),
            digest=hashlib.sha256(body).hexdigest(),
            scores=scores,
        )

    def _refusal(self, problem: Problem, context: Context) -> _Answer:
        version = self._settings.model_version
        return _Answer(
            status=problem.status.value,
            body=encode_problem(problem, inference_id=context.inference_id, model_version=version),
            media_type=MEDIA_TYPE,
            headers=tuple(problem.headers),
            problem=problem.kind,
        )

    def _remember(self, answer: _Answer, context: Context, *, started: float) -> None:
        request = Request(
            inference_id=context.inference_id,
            status=answer.status,
            latency_ms=round((time.perf_counter() - started) * 1000, 3),
            finished=time.time(),
            problem=answer.problem,
            trace=context.trace,
            digest=answer.digest,
            scores=answer.scores,
        )
        self._telemetry.record(request)


def _refuse_other_routes(scope: dict[str, Any] | Message) -> None:
    if scope["path"] == "/ping":
        raise method_not_allowed("GET, HEAD")
    if scope["path"] != "/invocations":
        raise not_found(scope["path"])
    if scope["method"] != "POST":
        raise method_not_allowed("POST")
