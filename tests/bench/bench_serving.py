"""How fast the serving container answers, against Flask + gunicorn + pandas + scikit-learn and a raw echo.

    python tests/bench/bench_serving.py --rounds 5 [--json out.json]

Run it with a Python that has model/train/requirements.txt and model/inference/requirements.txt, flask, gunicorn,
granian and psutil, bytecode compiled; `wrk` must be installed. The server gets core 0, wrk core 1.
Every stack of a round runs after the other, so that ratios are taken within a round; a table of their medians
follows, and the exit code is 1 when a goal is missed.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from bench_serving_models import BATCHES, Workload, prepare
from bench_serving_stacks import STACKS, Measured, measure

Round = Mapping[str, Measured]


@dataclass(frozen=True, kw_only=True)
class Goal:
    """A ratio between two stacks of one round, and the least that it should be; 0 asks for nothing."""

    name: str
    least: float = 0.0
    ratio: Callable[[Round], float]


def _p50(slow: str, fast: str, shape: str) -> Callable[[Round], float]:
    return lambda one: one[slow].p50_ms[shape] / one[fast].p50_ms[shape]


def _rate(slow: str, fast: str, shape: str) -> Callable[[Round], float]:
    return lambda one: one[fast].requests_per_second[shape] / one[slow].requests_per_second[shape]


def _cpu(slow: str, fast: str, shape: str) -> Callable[[Round], float]:
    return lambda one: one[slow].cpu_ms[shape] / one[fast].cpu_ms[shape]


def _cold(one: Round) -> float:
    return one["flask"].cold_start_s / one["ours"].cold_start_s


def _memory(one: Round) -> float:
    return one["flask"].memory_mib / one["ours"].memory_mib


LINEAR = ("flask-logistic", "ours-logistic")
GOALS = (
    Goal(name="1 row, 8 connections: requests/s, ours to Flask", least=60, ratio=_rate("flask", "ours", "1x8")),
    Goal(name="1 row, 1 connection: p50, Flask to ours", least=30, ratio=_p50("flask", "ours", "1x1")),
    Goal(name="cold start, Flask to ours", least=6, ratio=_cold),
    Goal(name="memory, Flask to ours", least=1 / 0.55, ratio=_memory),
    Goal(name="100 rows: p50, Flask to ours", least=10, ratio=_p50("flask", "ours", "100x1")),
    Goal(name="10,000 rows: p50, Flask to ours", least=2, ratio=_p50("flask", "ours", "10000x1")),
    Goal(name="10,000 rows, logistic: p50, Flask to ours", least=4.5, ratio=_p50(*LINEAR, "10000x1")),
    Goal(name="1 row, 1 connection: p50, echo to ours", least=1 / 3, ratio=_p50("echo", "ours", "1x1")),
    Goal(name="1 row, 8 connections: requests/s, uvicorn to granian", ratio=_rate("granian", "ours", "1x8")),
    Goal(name="CPU time: 1 row, 8 connections, Flask to ours", ratio=_cpu("flask", "ours", "1x8")),
    Goal(name="CPU time: 1 row, 1 connection, Flask to ours", ratio=_cpu("flask", "ours", "1x1")),
    Goal(name="CPU time: 100 rows, Flask to ours", ratio=_cpu("flask", "ours", "100x1")),
    Goal(name="CPU time: 10,000 rows, Flask to ours", ratio=_cpu("flask", "ours", "10000x1")),
    Goal(name="CPU time: 10,000 rows, logistic, Flask to ours", ratio=_cpu(*LINEAR, "10000x1")),
    Goal(name="CPU time: 1 row, 1 connection, echo to ours", ratio=_cpu("echo", "ours", "1x1")),
    Goal(name="CPU time: 1 row, 8 connections, granian to uvicorn", ratio=_cpu("granian", "ours", "1x8")),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """Fit the models, run the rounds, print the table."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        workload = prepare(Path(scratch))
        rounds = [_round(workload, options.seconds, number) for number in range(options.rounds)]
    if options.json:
        options.json.write_text(json.dumps([{name: asdict(one) for name, one in each.items()} for each in rounds]))
    sys.stdout.write(_stacks_table(rounds) + "\n" + _goals_table(rounds))
    return 0 if all(_median(goal, rounds) >= goal.least for goal in GOALS) else 1


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of load for each shape of request")
    parser.add_argument("--json", type=Path, help="write every measurement here")
    return parser.parse_args(arguments)


def _round(workload: Workload, seconds: float, number: int) -> Round:
    results = {}
    for stack in STACKS:
        sys.stderr.write(f"round {number + 1}: {stack.name}\n")
        results[stack.name] = measure(stack, workload, seconds=seconds)
    return results


def _median(goal: Goal, rounds: Sequence[Round]) -> float:
    return median(goal.ratio(one) for one in rounds)


def _stacks_table(rounds: Sequence[Round]) -> str:
    shapes = [
        f"{rows}x{connections}" for rows in BATCHES for connections in (1, 8) if rows < 10_000 or connections == 1
    ]
    lines = [f"| stack | {' | '.join(f'{shape} p50 ms (req/s; CPU ms)' for shape in shapes)} | cold start s | MiB |"]
    lines.append("|---" * (len(shapes) + 3) + "|")
    for stack in STACKS:
        runs = [one[stack.name] for one in rounds]
        cells = [
            f"{median(r.p50_ms[s] for r in runs):.2f} "
            f"({median(r.requests_per_second[s] for r in runs):.0f}; {median(r.cpu_ms[s] for r in runs):.3f})"
            for s in shapes
        ]
        cold, memory = median(r.cold_start_s for r in runs), median(r.memory_mib for r in runs)
        lines.append(f"| {stack.name} | {' | '.join(cells)} | {cold:.2f} | {memory:.0f} |")
    return "\n".join(lines) + "\n"


def _goals_table(rounds: Sequence[Round]) -> str:
    lines = [f"| ratio, {len(rounds)} rounds | median [min-max] | goal | |", "|---|---|---|---|"]
    for goal in GOALS:
        ratios = [goal.ratio(one) for one in rounds]
        reached = "" if not goal.least else "reached" if median(ratios) >= goal.least else "MISSED"
        spread = f"{median(ratios):.2f} [{min(ratios):.2f}-{max(ratios):.2f}]"
        lines.append(f"| {goal.name} | {spread} | {f'{goal.least:.2f}' if goal.least else ''} | {reached} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.exit(main())
