"""Drift for the demo: clients send changed data from some moment on, and the monitor finds it in live traffic."""

import shutil
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sagemaker_gitops.errors import DemoFailed, DriftFound
from sagemaker_gitops.local.demo.scenario import Scenario
from sagemaker_gitops.local.demo.traffic import Feature, Traffic

# As if a number came in another unit.
_FACTOR = 1.5
# How far two distributions must lie apart (Kolmogorov-Smirnov) for a few hundred rows to show it.
_LEAST_DISTANCE = 0.3
_ROWS = 250
# Captures are written within a simulated minute.
_CAPTURED_SECONDS = 1.5

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class DriftedRows:
    """Rows as clients send them after the change, and what changed, in a few words."""

    rows: Sequence[Row]
    description: str


def drifted_rows(rows: Sequence[Row], features: Sequence[Feature]) -> DriftedRows:
    """Change the first feature whose change shows: a number's unit, or else all categories but one.

    Values stay inside the schema's range, because the container refuses what lies outside of it.
    """
    for feature in features:
        name = feature["name"]
        if feature["type"] == "number":
            before = {place: float(str(row[name])) for place, row in enumerate(rows) if row[name] is not None}
            after = {
                place: min(max(_FACTOR * value, feature["minimum"]), feature["maximum"])
                for place, value in before.items()
            }
            if before and _distance([*before.values()], [*after.values()]) >= _LEAST_DISTANCE:
                changed = [{**row, name: after.get(place)} for place, row in enumerate(rows)]
                return DriftedRows(rows=changed, description=f"{name} in another unit")
    for feature in (feature for feature in features if feature["type"] == "category"):
        name = feature["name"]
        seen = Counter(str(row[name]) for row in rows if row[name] is not None)
        rarest, count = min(seen.items(), key=lambda item: item[1], default=("", len(rows)))
        if count / len(rows) <= 1 - _LEAST_DISTANCE:
            return DriftedRows(rows=[{**row, name: rarest} for row in rows], description=f"{name} is always {rarest}")
    raise DemoFailed(
        "no feature can be changed enough within its range for drift to show",
        where="model/config/schema.json",
        next_step="widen a feature's minimum and maximum, if values out there may occur",
    )


def _distance(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the largest gap between two cumulative distributions of as many values."""
    one, other = sorted(before), sorted(after)
    return max(abs(bisect_right(one, value) - bisect_right(other, value)) for value in (*one, *other)) / len(one)


@dataclass(frozen=True, kw_only=True)
class DriftStart:
    """Since when clients send drifted rows, and how many answers there were before."""

    since: datetime
    answers: int


def start_drift(traffic: Traffic, change: DriftedRows) -> DriftStart:
    """Have clients send drifted rows from now on."""
    start = DriftStart(since=datetime.now(UTC), answers=len(traffic.answers))
    traffic.record_event(change.description)
    traffic.send(change.rows)
    return start


def detect_drift(scenario: Scenario, env: str, traffic: Traffic, start: DriftStart) -> Path:
    """Have the monitor check the window since the start, and return its report."""
    traffic.wait_for(_ROWS - (len(traffic.answers) - start.answers))
    time.sleep(_CAPTURED_SECONDS)
    window = f"{start.since:%Y-%m-%dT%H:%M:%S}/{datetime.now(UTC).isoformat(timespec='seconds')}"
    few = {"PIPELINE__MONITOR__MINIMUM_ROWS": str(_ROWS // 2)}
    words = ("monitor", "--env", env, "--window", window)
    scenario.run_step(f"monitor {env}", *words, expect=(DriftFound.exit_code,), overrides=few)
    return scenario.checkout / "reports/monitor/report.html"


def copy_report(report: Path, folder: Path) -> Path:
    """Copy the monitor's page beside the demo's."""
    return Path(shutil.copy2(report, folder / "monitor.html"))
