"""What is done about an outcome: pure rules over the verdict, the past and the clock."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import get_args

from sagemaker_gitops.monitor.checks import Subject
from sagemaker_gitops.monitor.verdict import Outcome
from sagemaker_gitops.project.monitor_config import Policy, Reaction

_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Past:
    """A reaction that was decided before."""

    time: datetime
    reaction: Reaction


@dataclass(frozen=True, kw_only=True)
class Situation:
    """What the rules look at beside the verdict; `fallback` is the last known good release, if there is one."""

    now: datetime
    fallback: str | None
    past: Sequence[Past]


@dataclass(frozen=True, kw_only=True)
class Decision:
    """One reaction that the policy names: taken, or withheld and why."""

    reaction: Reaction
    taken: bool
    reason: str


def decide(
    outcome: Outcome, subjects: frozenset[Subject], policy: Policy, situation: Situation
) -> tuple[Decision, ...]:
    """Decide on every reaction that the policy names for this outcome, mildest first."""
    causes = _causes(outcome, subjects, policy)
    return tuple(
        _decide(reaction, causes[reaction], policy, situation) for reaction in get_args(Reaction) if reaction in causes
    )


def _causes(outcome: Outcome, subjects: frozenset[Subject], policy: Policy) -> dict[Reaction, list[str]]:
    """Collect what asks for each reaction."""
    asked: dict[str, tuple[Reaction, ...]] = {}
    if outcome is Outcome.BROKEN:
        asked["the monitor is broken"] = policy.broken
    if subjects & {Subject.DATA, Subject.DRIFT, Subject.PREDICTION}:
        asked["the data drifted"] = policy.drift
    if Subject.QUALITY in subjects:
        asked["model quality is lost"] = policy.quality
    if Subject.BIAS in subjects:
        asked["groups are treated unequally"] = policy.bias
    causes: dict[Reaction, list[str]] = {}
    for cause, reactions in asked.items():
        for reaction in reactions:
            causes.setdefault(reaction, []).append(cause)
    return causes


def _decide(reaction: Reaction, causes: list[str], policy: Policy, situation: Situation) -> Decision:
    against = _objection(reaction, policy, situation)
    because = " and ".join(causes)
    return Decision(
        reaction=reaction, taken=not against, reason=f"{because}; withheld: {against}" if against else because
    )


def _objection(reaction: Reaction, policy: Policy, situation: Situation) -> str:
    """Say what speaks against acting now; a page is never withheld."""
    if reaction == "page":
        return ""
    if reaction == "rollback" and situation.fallback is None:
        return "there is no earlier release that is known to be good"
    same = [past for past in situation.past if past.reaction == reaction and past.time <= situation.now]
    today = [past for past in same if situation.now - past.time < _DAY]
    if len(today) >= policy.maximum_per_day:
        return f"{len(today)} in the last 24 hours; {policy.maximum_per_day} are allowed"
    cooldown = timedelta(minutes=policy.cooldown_minutes)
    recent = [past for past in same if situation.now - past.time < cooldown]
    if recent:
        return (
            f"the last one was at {recent[-1].time:%Y-%m-%d %H:%M}; it cools down for {policy.cooldown_minutes} minutes"
        )
    return ""
