"""CloudWatch metrics as embedded metric format: log lines that need no agent to become metrics."""

import time
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sagemaker_gitops_modelkit.serving.predictor import Figure
from sagemaker_gitops_modelkit.serving.schema import Schema

MAX_ROWS = 10_000
MAX_REQUESTS = 100  # the format takes at most a hundred values of a metric in one line
MAX_SPREAD = 50  # keeps a line below the size that one write puts into a pipe undivided
UNITS = {"Latency": "Milliseconds", "Rows": "Count"}


class Metrics:
    """Gathers up to a hundred requests of one model version into one line."""

    def __init__(self, *, namespace: str, model_version: str, schema: Schema) -> None:
        self._namespace = namespace
        self._dimensions = {"ModelVersion": model_version}
        self._task, self._positive = schema.task, schema.positive or ""
        self._clear()

    def add(self, *, latency_ms: float, status: int) -> None:
        """Count one request."""
        self._latencies.append(latency_ms)
        self._statuses.append(status)

    def add_answers(self, labels: Sequence[str], figures: Sequence[Figure]) -> None:
        """Count the rows that a request had answered."""
        self._positives += labels.count(self._positive)
        self._figures.extend(figures)

    @property
    def is_full(self) -> bool:
        """Whether the line should be written now."""
        return len(self._latencies) >= MAX_REQUESTS or len(self._figures) >= MAX_ROWS

    def take(self) -> Mapping[str, object] | None:
        """Return what was gathered as one line, if anything, and start anew."""
        if not self._latencies:
            return None
        values: dict[str, object] = {
            "Latency": self._latencies,
            "BadRequest": [int(400 <= status < 500) for status in self._statuses],
            "Failure": [int(status >= 500) for status in self._statuses],
        }
        if self._figures:
            values |= {"Rows": len(self._figures), **self._answers(np.array(self._figures))}
        self._clear()
        return {"event": "metrics", "_aws": self._directive(values), **self._dimensions, **values}

    def _answers(self, figures: npt.NDArray[np.float64]) -> Mapping[str, object]:
        if self._task == "regression":
            return {"Value": _spread(figures)}
        if self._task == "multiclass":
            return {"Confidence": _spread(figures.max(axis=1))}
        rate = round(self._positives / figures.size, 6)
        spread = {"Probability": _spread(figures), "Confidence": _spread(np.maximum(figures, 1 - figures))}
        return {"PositiveRate": rate, **spread}

    def _clear(self) -> None:
        self._latencies: list[float] = []
        self._statuses: list[int] = []
        self._figures: list[Figure] = []
        self._positives = 0

    def _directive(self, values: Mapping[str, object]) -> Mapping[str, object]:
        metrics = [{"Name": name, "Unit": UNITS.get(name, "None")} for name in values]
        directive = {"Namespace": self._namespace, "Dimensions": [list(self._dimensions)], "Metrics": metrics}
        return {"Timestamp": time.time_ns() // 1_000_000, "CloudWatchMetrics": [directive]}


def _spread(values: npt.NDArray[np.float64]) -> list[float]:
    """Pick at most fifty of the values, evenly over their order: their distribution survives."""
    ordered = np.sort(values)
    if ordered.size > MAX_SPREAD:
        ordered = ordered[np.arange(MAX_SPREAD) * (ordered.size - 1) // (MAX_SPREAD - 1)]
    spread: list[float] = ordered.round(6).tolist()
    return spread
