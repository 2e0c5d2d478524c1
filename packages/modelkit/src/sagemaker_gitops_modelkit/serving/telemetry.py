"""What the container writes: one JSON line a request, and a line of metrics now and then."""

import asyncio
import os
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

import msgspec

from sagemaker_gitops_modelkit.serving.metrics import Metrics
from sagemaker_gitops_modelkit.serving.predictor import Scores
from sagemaker_gitops_modelkit.serving.schema import Schema
from sagemaker_gitops_modelkit.serving.settings import Settings

# One write of at most PIPE_BUF bytes is atomic, so the lines of several workers never mix.
ATOMIC_BYTES = 4096
# Lines wait for each other this long: written one by one, they would cost a third of the server's capacity.
LINE_SECONDS = 0.02
METRICS_SECONDS = 10.0
MAX_WAITING = 500


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be remembered of one request."""

    inference_id: str
    status: int
    latency_ms: float
    finished: float
    problem: str | None
    trace: str | None
    digest: str | None
    scores: Scores | None


class _Line(msgspec.Struct, kw_only=True, omit_defaults=True):
    event: str
    time: str
    inference_id: str
    model_version: str
    fingerprint: str
    status: int
    latency_ms: float
    variant: str | None = None
    rows: int | None = None
    input_sha256: str | None = None
    labels: Mapping[str, int] | None = None
    problem: str | None = None
    trace: str | None = None


class Telemetry:
    """Remembers the requests of one worker and writes them to a file descriptor."""

    def __init__(self, settings: Settings, *, schema: Schema, descriptor: int = 1) -> None:
        self._settings = settings
        self._descriptor = descriptor
        self._encoder = msgspec.json.Encoder()
        self._waiting: list[Request] = []
        self._metrics = Metrics(
            namespace=settings.metrics_namespace, model_version=settings.model_version, schema=schema
        )
        self._metrics_due: asyncio.TimerHandle | None = None
        self._clock = _Clock()

    def record(self, request: Request) -> None:
        """Remember one request; its line follows at once or a moment later."""
        self._waiting.append(request)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_later(LINE_SECONDS, self.write)
        elif len(self._waiting) >= MAX_WAITING:
            self.write()
        if self._metrics_due is None:
            self._metrics_due = asyncio.get_running_loop().call_later(METRICS_SECONDS, self.write_metrics)

    def write(self) -> None:
        """Write the lines of all remembered requests, and their metrics where a line of them is full."""
        waiting, self._waiting = self._waiting, []
        lines = []
        for request in waiting:
            lines.append(self._encoder.encode(self._line(request)))
            lines += self._count(request)
        write_lines(self._descriptor, lines)

    def write_metrics(self) -> None:
        """Write the metrics gathered so far, however few."""
        self.write()
        self._metrics_due = None
        write_lines(self._descriptor, self._take_metrics())

    def _line(self, request: Request) -> _Line:
        scores = request.scores
        return _Line(
            event="prediction" if scores else "refusal",
            time=self._clock.written(request.finished),
            inference_id=request.inference_id,
            model_version=self._settings.model_version,
            fingerprint=self._settings.fingerprint,
            status=request.status,
            latency_ms=request.latency_ms,
            variant=self._settings.variant,
            rows=len(scores.figures) if scores else None,
            input_sha256=request.digest,
            labels=_counted(scores.labels) if scores and scores.labels else None,
            problem=request.problem,
            trace=request.trace,
        )

    def _count(self, request: Request) -> list[bytes]:
        self._metrics.add(latency_ms=request.latency_ms, status=request.status)
        if request.scores:
            self._metrics.add_answers(request.scores.labels, request.scores.figures)
        return self._take_metrics() if self._metrics.is_full else []

    def _take_metrics(self) -> list[bytes]:
        line = self._metrics.take()
        return [self._encoder.encode(line)] if line else []


class _Clock:
    """Writes times in ISO 8601 with milliseconds; all lines of a second share its first part."""

    def __init__(self) -> None:
        self._second = -1
        self._written = ""

    def written(self, timestamp: float) -> str:
        second, milliseconds = divmod(int(timestamp * 1000), 1000)
        if second != self._second:
            self._second = second
            self._written = datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")
        return f"{self._written}.{milliseconds:03}+00:00"


def _counted(labels: Sequence[str]) -> dict[str, int]:
    return {labels[0]: 1} if len(labels) == 1 else {label: labels.count(label) for label in set(labels)}


def write_lines(descriptor: int, lines: list[bytes]) -> None:
    """Write lines in as few writes as atomicity allows."""
    chunk = bytearray()
    for line in lines:
        if chunk and len(chunk) + len(line) + 1 > ATOMIC_BYTES:
            os.write(descriptor, chunk)
            chunk.clear()
        chunk += line
        chunk += b"\n"
    if chunk:
        os.write(descriptor, chunk)
