"""How often traffic may be given back without a person's word: rules over the ledger and the clock.

infra/lib/respond.py keeps the same rules where there is no checkout.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sagemaker_gitops.release.history import OPENING, Standing
from sagemaker_gitops.release.ledger import Entry

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Limits:
    """At most so many in 24 hours, each no sooner than the cool-down after the one before."""

    cooldown: timedelta
    maximum_per_day: int


def objection(entries: Sequence[Entry], standing: Standing, limits: Limits, *, now: datetime) -> str:
    """Say what speaks against going back now; nothing does while a rollback that was begun is unfinished."""
    if standing.rollout and standing.rollout.kind == "rollback":
        return ""
    if standing.fallback is None:
        return "there is no earlier release that is known to be good"
    backs = [entry.finished for entry in entries if _gave_back(entry)]
    today = [moment for moment in backs if now - moment < _DAY]
    if len(today) >= limits.maximum_per_day:
        return f"{len(today)} in the last 24 hours; {limits.maximum_per_day} are allowed"
    if backs and now - backs[-1] < limits.cooldown:
        return f"the last one was at {backs[-1]:%Y-%m-%d %H:%M}; it cools down"
    return ""


def _gave_back(entry: Entry) -> bool:
    if entry.action not in OPENING or entry.release is None:
        return False
    return entry.outcome == "rolled_back" or (entry.action == "rollback" and entry.outcome == "promoted")
