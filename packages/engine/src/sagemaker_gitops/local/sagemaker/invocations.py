"""What invocations leave behind: metrics for each variant and captured data, written in batches."""

import threading
import time
from collections import Counter, defaultdict, deque
from dataclasses import dataclass

from sagemaker_gitops.local.cloudwatch.metric_statistics import Datum
from sagemaker_gitops.local.cloudwatch.metrics import Metrics, Series, series
from sagemaker_gitops.local.sagemaker.capture import Capture, Captured
from sagemaker_gitops.local.server.context import Place

NAMESPACE = "AWS/SageMaker"


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """One request through one variant. Latencies are in microseconds, as CloudWatch has them."""

    place: Place
    endpoint: str
    variant: str
    config: str
    status: int
    model_latency: float | None
    overhead_latency: float | None


class Invocations:
    """Collects what happened; `flush` writes it."""

    def __init__(self, metrics: Metrics, capture: Capture) -> None:
        self._metrics = metrics
        self._capture = capture
        self._waiting: deque[Invocation] = deque()
        self._captured: deque[Captured] = deque()
        self._writing = threading.Lock()

    def note(self, invocation: Invocation) -> None:
        """Remember one request."""
        self._waiting.append(invocation)

    def keep(self, captured: Captured) -> None:
        """Remember one request's content for Data Capture."""
        self._captured.append(captured)

    def flush(self) -> None:
        """Write the metrics and the captured data."""
        self.flush_metrics()
        with self._writing:
            captured = [self._captured.popleft() for _ in range(len(self._captured))]
        self._capture.write(captured)

    def flush_metrics(self) -> None:
        """Write the metrics, so that a query sees the last request."""
        values: dict[tuple[Series, str], Counter[float]] = defaultdict(Counter)
        with self._writing:
            for _ in range(len(self._waiting)):
                _count(self._waiting.popleft(), values)
        now = time.time()
        self._metrics.put(
            (key, Datum(time=now, values=tuple(seen), counts=tuple(map(float, seen.values())), unit=unit))
            for (key, unit), seen in values.items()
        )


def _count(invocation: Invocation, values: dict[tuple[Series, str], Counter[float]]) -> None:
    both = {"EndpointName": invocation.endpoint, "VariantName": invocation.variant}
    # AWS adds the configuration's name, so that an alarm can watch the new fleet alone.
    for dimensions in (both, {**both, "EndpointConfigName": invocation.config}):
        for name, unit, value in _values(invocation):
            values[series(invocation.place, NAMESPACE, name, dimensions), unit][value] += 1


def _values(invocation: Invocation) -> list[tuple[str, str, float]]:
    status = invocation.status
    counted = [
        ("Invocations", "None", 1.0),
        ("InvocationsPerInstance", "None", 1.0),
        ("Invocation4XXErrors", "None", float(400 <= status < 500)),
        ("Invocation5XXErrors", "None", float(status >= 500)),
        ("InvocationModelErrors", "None", float(status >= 400)),
    ]
    timed = [("ModelLatency", invocation.model_latency), ("OverheadLatency", invocation.overhead_latency)]
    return [*counted, *((name, "Microseconds", round(value)) for name, value in timed if value is not None)]
