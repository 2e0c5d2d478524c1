"""Steady load at 80 % of the measured capacity, with a weight shift and a rolling restart in its middle.

    python tests/bench/bench_endurance.py --seconds 60

Run it with a Python that has model/train/requirements.txt and model/inference/requirements.txt and psutil. It
measures what one server can answer, then sends four fifths of that to two of them by weight, as SageMaker's
router does: the champion serves, a candidate joins and takes over, the champion is stopped and started anew,
traffic moves back, the candidate is stopped. No request may fail, and memory has to stay where it was.
"""

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import quantiles

from bench_endurance_router import Fleet, Router
from bench_serving_models import Workload, prepare

USERS = 16
SHARE = 0.8
P99_MS = 300.0  # infra/config/staging.json
GROWTH_MIB = 16.0


@dataclass(kw_only=True)
class Result:
    """What the callers saw."""

    latencies_ms: list[float] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the play and judge it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        workload = prepare(Path(scratch))
        return asyncio.run(_play(workload, options.seconds))


async def _play(workload: Workload, seconds: float) -> int:
    body = workload.body(1).read_bytes()
    with Fleet(workload) as fleet:
        router = Router(fleet, body)
        await fleet.start("champion")
        router.weights = {"champion": 1.0}
        capacity = len((await _load(router, seconds=3.0, rate=None)).latencies_ms) / 3.0
        rate = capacity * SHARE
        sys.stdout.write(f"capacity {capacity:.0f} requests/s; holding {rate:.0f} for {seconds:g} s\n")
        load = asyncio.create_task(_load(router, seconds=seconds, rate=rate))
        growth = await _release(fleet, router, step=seconds / 8)
        result = await load
    return _judge(result, growth, seconds)


async def _release(fleet: Fleet, router: Router, *, step: float) -> float:
    """Shift traffic to a candidate and back, restarting each side while it has none; return memory's growth."""
    await asyncio.sleep(step)
    before = fleet.memory_mib("champion")
    await fleet.start("candidate")
    for weight in (0.1, 0.5, 1.0):
        router.weights = {"champion": 1.0 - weight, "candidate": weight}
        await asyncio.sleep(step)
    growth = fleet.memory_mib("champion") - before
    await fleet.stop("champion")
    await fleet.start("champion")
    router.weights = {"champion": 0.5, "candidate": 0.5}
    await asyncio.sleep(step)
    router.weights = {"champion": 1.0}
    await asyncio.sleep(step / 4)
    await fleet.stop("candidate")
    return growth


async def _load(router: Router, *, seconds: float, rate: float | None) -> Result:
    """Let all users send, each at its share of the rate, or as fast as it can."""
    result = Result()
    end = time.perf_counter() + seconds
    pause = USERS / rate if rate else 0.0
    await asyncio.gather(*(_user(router, result, end=end, pause=pause) for _ in range(USERS)))
    return result


async def _user(router: Router, result: Result, *, end: float, pause: float) -> None:
    client = router.client()
    due = time.perf_counter() + random.random() * pause
    while (now := time.perf_counter()) < end:
        if pause and now < due:
            await asyncio.sleep(due - now)
        due += pause
        begun = time.perf_counter()
        failure = await client.ask()
        result.latencies_ms.append((time.perf_counter() - begun) * 1000)
        if failure:
            result.failures.append(failure)
    client.close()


def _judge(result: Result, growth: float, seconds: float) -> int:
    cuts = quantiles(result.latencies_ms, n=100)
    held = len(result.latencies_ms) / seconds
    sys.stdout.write(
        f"{len(result.latencies_ms)} requests, {held:.0f} a second; "
        f"{len(result.failures)} failures {result.failures[:3]}; "
        f"p50 {cuts[49]:.2f} ms, p95 {cuts[94]:.2f} ms, p99 {cuts[98]:.2f} ms (at most {P99_MS:g}); "
        f"champion's memory grew by {growth:.1f} MiB (at most {GROWTH_MIB:g})\n"
    )
    return int(bool(result.failures) or cuts[98] > P99_MS or growth > GROWTH_MIB)


if __name__ == "__main__":
    sys.exit(main())
