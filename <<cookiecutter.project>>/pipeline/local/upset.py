"""An upstream system changes a unit without a word, and the monitor finds it in live traffic."""

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from pipeline.errors import DriftFound
from pipeline.local.story import Story
from pipeline.local.traffic import Traffic

# The ratio of payments to income, suddenly by another definition of income.
FEATURE, FACTOR = "pirat", 1.5
_ROWS = 250
# Captures are written within a simulated minute.
_CAPTURED_SECONDS = 1.5

Row = Mapping[str, object]


def upset(rows: Sequence[Row]) -> list[dict[str, object]]:
    """Return the same applications with one feature in another unit."""
    return [{**row, FEATURE: FACTOR * float(str(row[FEATURE]))} for row in rows]


@dataclass(frozen=True, kw_only=True)
class Begun:
    """Since when callers send upset rows, and how many answers there were before."""

    since: datetime
    answers: int


def begin(traffic: Traffic, rows: Sequence[Row]) -> Begun:
    """Have callers send upset rows from now on."""
    begun = Begun(since=datetime.now(UTC), answers=len(traffic.answers))
    traffic.mark("a unit changes")
    traffic.send(upset(rows))
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
