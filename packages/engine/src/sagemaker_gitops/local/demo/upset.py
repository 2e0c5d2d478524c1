"""An upstream system changes what it sends without a word, and the monitor finds it in live traffic."""

import shutil
import time
from bisect import bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sagemaker_gitops.errors import DemoFailed, DriftFound
from sagemaker_gitops.local.demo.story import Story
from sagemaker_gitops.local.demo.traffic import Feature, Traffic

# A ratio by another definition, a length in another unit.
_FACTOR = 1.5
# How far two distributions must lie apart (Kolmogorov-Smirnov) for a few hundred rows to show it.
_MARKED = 0.3
_ROWS = 250
# Captures are written within a simulated minute.
_CAPTURED_SECONDS = 1.5

Row = Mapping[str, object]


@dataclass(frozen=True, kw_only=True)
class Upset:
    """What callers send from now on, and what happened to it in a few words."""

    rows: Sequence[Row]
    told: str


def upset(rows: Sequence[Row], features: Sequence[Feature]) -> Upset:
    """Change the first feature whose change shows: a number's unit, or else a category that is lost.

    Values stay inside the schema's range, because the container refuses what lies outside of it.
    """
    for feature in features:
        name = feature["name"]
        if feature["type"] == "number":
            before = [float(str(row[name])) for row in rows]
            after = [min(max(_FACTOR * value, feature["minimum"]), feature["maximum"]) for value in before]
            if _apart(before, after) >= _MARKED:
                changed = [{**row, name: value} for row, value in zip(rows, after, strict=True)]
                return Upset(rows=changed, told=f"{name} in another unit")
    for feature in (feature for feature in features if feature["type"] == "category"):
        name = feature["name"]
        rarest, count = Counter(str(row[name]) for row in rows).most_common()[-1]
        if count / len(rows) <= 1 - _MARKED:
            return Upset(rows=[{**row, name: rarest} for row in rows], told=f"{name} is always {rarest}")
    raise DemoFailed(
        "no feature can be changed enough within its range for drift to show",
        where="model/config/schema.json",
        next_step="widen a feature's minimum and maximum, if values out there may occur",
    )


def _apart(before: Sequence[float], after: Sequence[float]) -> float:
    """Return the largest gap between two cumulative distributions of as many values."""
    one, other = sorted(before), sorted(after)
    return max(abs(bisect_right(one, value) - bisect_right(other, value)) for value in (*one, *other)) / len(one)


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Since when callers send upset rows, and how many answers there were before."""

    since: datetime
    answers: int


def begin(traffic: Traffic, change: Upset) -> Begun:
    """Have callers send upset rows from now on."""
    begun = Begun(since=datetime.now(UTC), answers=len(traffic.answers))
    traffic.mark(change.told)
    traffic.send(change.rows)
    return begun


def find(story: Story, env: str, traffic: Traffic, begun: Begun) -> Path:
    """Have the monitor judge the window since then, and return its report."""
    traffic.wait_for(_ROWS - (len(traffic.answers) - begun.answers))
    time.sleep(_CAPTURED_SECONDS)
    window = f"{begun.since:%Y-%m-%dT%H:%M:%S}/{datetime.now(UTC).isoformat(timespec='seconds')}"
    few = {"PIPELINE__MONITOR__MINIMUM_ROWS": str(_ROWS // 2)}
    words = ("monitor", "--env", env, "--window", window)
    story.tell(f"monitor {env}", *words, expect=(DriftFound.exit_code,), overrides=few)
    return story.checkout / "reports/monitor/report.html"


def keep(report: Path, folder: Path) -> Path:
    """Put the monitor's page beside the demo's."""
    return Path(shutil.copy2(report, folder / "monitor.html"))
