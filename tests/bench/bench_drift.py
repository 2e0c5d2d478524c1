"""How fast drift is measured, against Evidently and against merely reading the columns.

    python tests/bench/bench_drift.py --rows 1000000 --rounds 3 --evidently /path/to/python --times-evidently 40
    python tests/bench/bench_drift.py --rows 10000000 --rounds 3 --times-read 4
    python tests/bench/bench_drift.py --rows 50000000 --rounds 1 --mebibytes 1024

Every subject is a process of its own, timed from its start to its end; the subjects of one round run one after
another, so that ratios are taken within a round. Evidently lives in an environment of its own, because it wants
an older pandas: install evidently, polars, pyarrow and pandas<3 there. A goal that is given and missed is exit 1.
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from statistics import median

from bench_process import Measured, measure

HERE = Path(__file__).parent
SUBJECTS = HERE / "bench_drift_subjects.py"
PROJECT = HERE.parents[1] / "<<cookiecutter.project>>"


def main(arguments: Sequence[str] | None = None) -> int:
    """Make the data, run the rounds, and print a table of medians and ratios."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(dir=options.scratch) as scratch:
        folder = Path(scratch)
        _run(sys.executable, "generate", folder, rows=options.rows)
        names = dict.fromkeys(("read", "ours", "ours_both_windows"), sys.executable)
        if options.evidently:
            names |= {"polars_read": options.evidently, "evidently": options.evidently}
        rounds = [
            {name: _run(python, name, folder, rows=options.rows) for name, python in names.items()}
            for _ in range(options.rounds)
        ]
    sys.stdout.write(_table(rounds, options.rows))
    if options.json:
        options.json.write_text(json.dumps([{k: vars(v) for k, v in one.items()} for one in rounds], indent=1))
    return _missed(rounds, options)


def _missed(rounds: list[dict[str, Measured]], options: argparse.Namespace) -> int:
    """Compare with the goals that were given."""
    ours = [one["ours"] for one in rounds]
    found = {
        "times_read": median(own.seconds / one["read"].seconds for own, one in zip(ours, rounds, strict=True)),
        "mebibytes": max(own.mebibytes for own in ours),
    }
    if options.evidently:
        pairs = zip(ours, rounds, strict=True)
        found["times_evidently"] = median(one["evidently"].seconds / own.seconds for own, one in pairs)
    missed = 0
    for name, value in found.items():
        goal = getattr(options, name)
        if goal is not None:
            holds = value >= goal if name == "times_evidently" else value <= goal
            missed += not holds
            sys.stdout.write(f"{name} {value:.1f}, goal {goal:g}: {'met' if holds else 'missed'}\n")
    return int(missed > 0)


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--evidently", help="a python that has evidently, polars and pyarrow")
    parser.add_argument("--times-evidently", type=float, help="how many times faster than Evidently it has to be")
    parser.add_argument("--times-read", type=float, help="how many times as long as reading it may take")
    parser.add_argument("--mebibytes", type=float, help="how much memory it may hold")
    parser.add_argument("--scratch", type=Path, default=None, help="where the tables go")
    parser.add_argument("--json", type=Path, help="write every measurement here")
    return parser.parse_args(arguments)


def _run(python: str, name: str, folder: Path, *, rows: int) -> Measured:
    """Run one subject."""
    environment = {"DO_NOT_TRACK": "1", "PYTHONPATH": str(HERE.parents[1])}
    return measure(name, [python, str(SUBJECTS), name, str(folder), str(rows)], environment)


def _table(rounds: list[dict[str, Measured]], rows: int) -> str:
    lines = [f"{rows:,} rows x 14 columns, {len(rounds)} rounds, medians", ""]
    lines.append(f"{'subject':<20}{'seconds':>9}{'CPU s':>9}{'MiB':>7}{'x ours':>8}{'by CPU':>8}{'x read':>8}")
    for name in rounds[0]:
        figures = [
            median(one[name].seconds for one in rounds),
            median(one[name].cpu_seconds for one in rounds),
            median(one[name].mebibytes for one in rounds),
            median(one[name].seconds / one["ours"].seconds for one in rounds),
            median(one[name].cpu_seconds / one["ours"].cpu_seconds for one in rounds),
            median(one[name].seconds / one["read"].seconds for one in rounds),
        ]
        lines.append("{:<20}{:>9.2f}{:>9.2f}{:>7.0f}{:>8.1f}{:>8.1f}{:>8.1f}".format(name, *figures))
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    raise SystemExit(main())
