"""Steady load from several callers, and what it measured."""

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import numpy as np

# One request; returns whether it was answered as it should be.
Ask = Callable[[], bool]


@dataclass(frozen=True, kw_only=True)
class Measured:
    """Latencies in milliseconds, seen by the callers, and the rate that was held meanwhile."""

    latencies_ms: tuple[float, ...]
    failures: int
    requests_per_second: float

    def percentile_ms(self, percent: float) -> float:
        """Return the latency that so many percent of the requests kept."""
        return float(np.percentile(self.latencies_ms, percent))


def hold(callers: list[Ask], *, requests: int, warm_up: int) -> Measured:
    """Let each caller send its share of the requests, one after the other, after a share of unmeasured ones."""
    share, warm = requests // len(callers), warm_up // len(callers)
    with ThreadPoolExecutor(len(callers)) as pool:
        list(pool.map(lambda ask: [ask() for _ in range(warm)], callers))
        begun = time.perf_counter()
        results = [timed for part in pool.map(lambda ask: _send(ask, share), callers) for timed in part]
        elapsed = time.perf_counter() - begun
    return Measured(
        latencies_ms=tuple(latency for latency, _ in results),
        failures=sum(not answered for _, answered in results),
        requests_per_second=len(results) / elapsed,
    )


def _send(ask: Ask, count: int) -> list[tuple[float, bool]]:
    results = []
    for _ in range(count):
        begun = time.perf_counter()
        answered = ask()
        results.append(((time.perf_counter() - begun) * 1000, answered))
    return results
