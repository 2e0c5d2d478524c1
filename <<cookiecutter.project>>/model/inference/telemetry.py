"""What the container writes: one JSON line a request, and CloudWatch metrics as embedded metric format."""

import os
import time
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
import numpy as np
import numpy.typing as npt
from predictor import Scores
from settings import Settings

# One write of at most PIPE_BUF bytes is atomic, so lines of several workers never mix.
ATOMIC_BYTES = 4096
MAX_REQUESTS = 100  # embedded metric format takes at most a hundred values of a metric in one line
MAX_SPREAD = 50  # keeps the line below ATOMIC_BYTES


class RequestLine(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """The durable record of one request: which model answered what."""

    event: str
    inference_id: str
    model_version: str
    fingerprint: str
    status: int
    latency_ms: float
    time: str = msgspec.field(default_factory=lambda: datetime.now(UTC).isoformat(timespec="milliseconds"))
    variant: str | None = None
    rows: int | None = None
    input_sha256: str | None = None
    labels: Mapping[str, int] | None = None
    problem: str | None = None
    trace: str | None = None


class Journal:
    """Writes JSON lines to a file descriptor."""

    def __init__(self, descriptor: int = 1) -> None:
        self._descriptor = descriptor
        self._encoder = msgspec.json.Encoder()

    def write(self, line: object) -> None:
        """Write one object as one line."""
        os.write(self._descriptor, self._encoder.encode(line) + b"\n")


class Metrics:
    """Gathers up to a hundred requests into one embedded-metric line; no agent is needed to publish it."""

    def __init__(self, settings: Settings, journal: Journal) -> None:
        self._namespace = settings.metrics_namespace
        self._dimensions = {"ModelVersion": settings.model_version}
        self._journal = journal
        self._clear()

    def record(self, *, latency_ms: float, status: int, scores: Scores | None) -> None:
        """Add one request; a full collection is written at once."""
        self._latencies.append(latency_ms)
        self._refused.append(int(400 <= status < 500))
        self._failed.append(int(status >= 500))
        if scores is not None:
            self._probabilities.append(scores.probabilities)
            self._positives += scores.positives
        if len(self._latencies) >= MAX_REQUESTS:
            self.flush()

    def flush(self) -> None:
        """Write what was gathered, if anything."""
        if self._latencies:
            self._journal.write(self._line())
        self._clear()

    def _clear(self) -> None:
        self._latencies: list[float] = []
        self._refused: list[int] = []
        self._failed: list[int] = []
        self._positives = 0
        self._probabilities: list[npt.NDArray[np.float32]] = []

    def _line(self) -> Mapping[str, object]:
        values: dict[str, object] = {
            "Latency": self._latencies,
            "BadRequest": self._refused,
            "Failure": self._failed,
        }
        units = {"Latency": "Milliseconds"}
        if self._probabilities:
            positive = np.concatenate(self._probabilities)
            confidence = np.maximum(positive, 1 - positive)
            values |= {"Rows": positive.size, "PositiveRate": round(self._positives / positive.size, 6)}
            values |= {"Probability": _spread(positive), "Confidence": _spread(confidence)}
            units["Rows"] = "Count"
        return {"event": "metrics", "_aws": self._directive(units, values), **self._dimensions, **values}

    def _directive(self, units: Mapping[str, str], values: Mapping[str, object]) -> Mapping[str, object]:
        metrics = [{"Name": name, "Unit": units.get(name, "None")} for name in values]
        directive = {"Namespace": self._namespace, "Dimensions": [list(self._dimensions)], "Metrics": metrics}
        return {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}


def _spread(values: npt.NDArray[np.float32]) -> list[float]:
    """Pick at most fifty of the values, evenly over their order: their distribution survives."""
    ordered = np.sort(values)
    if ordered.size > MAX_SPREAD:
        ordered = ordered[np.linspace(0, ordered.size - 1, MAX_SPREAD).astype(np.intp)]
    return [round(value, 6) for value in ordered.tolist()]
