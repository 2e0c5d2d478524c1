"""The next action of a rollout, from what the ledger says and the endpoint shows. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sagemaker_gitops.release.actions import (
    Abort,
    Action,
    Begin,
    Confirm,
    Finish,
    Provision,
    Remove,
    Shift,
    Verify,
    Wait,
)
from sagemaker_gitops.release.checks import Evidence, Limits, breaches, enough_traffic
from sagemaker_gitops.release.state import NATIVE_VARIANT, Fleet, Layout, Placement, Release
from sagemaker_gitops.release.strategies import Plan, Step

_MAX_RETREATS = 3

RolloutKind = Literal["deploy", "rollback", "repair", "clean"]


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """An unfinished change of release, as far as the ledger has seen it come."""

    kind: RolloutKind
    candidate: Release
    champion: Release | None
    started: datetime
    step: int = -1
    # When the step's target was first seen on the endpoint; None while it is being reached.
    since: datetime | None = None
    abort: str = ""


@dataclass(frozen=True, kw_only=True)
class Rules:
    """What stays the same during a rollout."""

    plan: Plan
    limits: Limits
    instance_type: str
    instances: int
    poll_seconds: float
    check_seconds: float
    traffic_wait_seconds: float
    mirror_percent: int = 100
    capture_percent: int = 100


@dataclass(frozen=True, kw_only=True)
class Sighting:
    """What one look at the endpoint showed, and what this process did before it."""

    fleet: Fleet | None
    now: datetime
    evidence: Evidence = field(default_factory=Evidence)
    verified: bool = False
    problems: tuple[str, ...] = ()
    # The configuration that the last update asked for; None if this process asked for none.
    asked: str | None = None
    retreats: int = 0


def decide(rollout: Rollout, rules: Rules, seen: Sighting) -> Action:
    """Return the one action that brings the rollout nearer to promoted or rolled back."""
    if seen.fleet is not None and not seen.fleet.settled:
        return Wait(seconds=rules.poll_seconds, why=f"AWS says {seen.fleet.status}")
    if rollout.abort:
        return _retreat(rollout, rules, seen)
    if reason := _fault(rollout, rules, seen):
        return Abort(reason=reason)
    if rollout.step < 0:
        return Begin(step=0)
    return _advance(rollout, rules, seen)


def _advance(rollout: Rollout, rules: Rules, seen: Sighting) -> Action:
    step = rules.plan[rollout.step]
    if move := _converge(rollout, rules, seen.fleet):
        return move
    if rollout.since is None:
        return Confirm(step=rollout.step)
    if step.verify and not seen.verified:
        return Verify()
    if pause := _bake(step, rules, seen, since=rollout.since):
        return pause
    if rollout.step + 1 < len(rules.plan):
        return Begin(step=rollout.step + 1)
    return Finish(result="promoted")


def _fault(rollout: Rollout, rules: Rules, seen: Sighting) -> str:
    fleet = seen.fleet
    if rollout.step >= len(rules.plan):
        return "the configuration changed under an unfinished rollout: its step no longer exists"
    if fleet is not None and fleet.broken:
        return f"the endpoint is {fleet.status}: {fleet.failure or 'AWS gave no reason'}"
    if fleet is not None and seen.asked is not None and fleet.config != seen.asked:
        return f"AWS went back to {fleet.config} instead of {seen.asked}: {fleet.failure or 'no reason given'}"
    if seen.problems:
        return "; ".join(seen.problems)
    if rollout.step < 0 or rollout.since is None or not rules.plan[rollout.step].watched:
        return ""
    return "; ".join(breaches(seen.evidence, rules.limits)) or _idle(rollout, rules, seen)


def _idle(rollout: Rollout, rules: Rules, seen: Sighting) -> str:
    step = rules.plan[rollout.step]
    if rollout.since is None or not step.minimum_requests or enough_traffic(seen.evidence, rules.limits):
        return ""
    patience = step.bake_seconds + rules.traffic_wait_seconds
    if (seen.now - rollout.since).total_seconds() < patience:
        return ""
    return (
        f"too little traffic to judge: {seen.evidence.candidate.requests} requests in {patience:g} s, "
        f"{step.minimum_requests} are asked; an idle candidate never passes"
    )


def _bake(step: Step, rules: Rules, seen: Sighting, *, since: datetime) -> Wait | None:
    left = step.bake_seconds - (seen.now - since).total_seconds()
    if left > 0:
        return Wait(seconds=min(left, rules.check_seconds), why=f"{step.name}: {left:.0f} s of bake left")
    if step.minimum_requests and not enough_traffic(seen.evidence, rules.limits):
        got = seen.evidence.candidate.requests
        return Wait(seconds=rules.check_seconds, why=f"{step.name}: {got} of {step.minimum_requests} requests so far")
    return None


def _converge(rollout: Rollout, rules: Rules, fleet: Fleet | None) -> Provision | Shift | None:
    step, champion = rules.plan[rollout.step], rollout.champion
    layout = _layout(rollout, rules, fleet)
    if step.native and champion and fleet is not None and set(fleet.percents) != {NATIVE_VARIANT}:
        # A guardrail wants one variant name before and after: the champion gets it first.
        return Provision(layout=_alone(champion, rules, fleet, native=True))
    if fleet is None or not fleet.holds(layout):
        return Provision(layout=layout, guarded=step.native)
    return None if fleet.sends(layout.weights) else Shift(weights=layout.weights)


def _layout(rollout: Rollout, rules: Rules, fleet: Fleet | None) -> Layout:
    production, shadow = _variants(rollout, rules, fleet)
    return Layout(production=production, shadow=shadow, capture_percent=rules.capture_percent)


def _variants(
    rollout: Rollout, rules: Rules, fleet: Fleet | None
) -> tuple[tuple[Placement, ...], tuple[Placement, ...]]:
    step, champion, candidate = rules.plan[rollout.step], rollout.champion, rollout.candidate
    if champion is None or step.alone:
        return (_place(candidate, rules, fleet, weight=100, native=step.native),), ()
    if step.mirrored:
        mirror = _place(candidate, rules, fleet, weight=rules.mirror_percent)
        return (_place(champion, rules, fleet, weight=100),), (mirror,)
    old = _place(champion, rules, fleet, weight=100 - step.percent)
    return (old, _place(candidate, rules, fleet, weight=step.percent)), ()


def _place(release: Release, rules: Rules, fleet: Fleet | None, *, weight: int, native: bool = False) -> Placement:
    # A fleet that autoscaling has grown is replaced by one of the same size, never by a smaller one.
    grown = fleet.instances if fleet else 0
    return Placement(
        name=NATIVE_VARIANT if native else release.variant,
        model=release.model,
        fingerprint=release.fingerprint,
        weight=weight,
        instance_type=rules.instance_type,
        instances=max(rules.instances, grown),
    )


def _retreat(rollout: Rollout, rules: Rules, seen: Sighting) -> Action:
    fleet, champion = seen.fleet, rollout.champion
    if champion is None:
        return Remove() if fleet is not None else Finish(result="rolled_back", reason=rollout.abort)
    if fleet is not None and fleet.broken:
        return Remove()
    variant = fleet.variant_of(champion) if fleet is not None and not fleet.shadow else None
    if fleet is None or variant is None:
        return _bring_back(champion, rules, seen, reason=rollout.abort)
    weights = {item.name: 0 for item in fleet.production} | {variant.name: 100}
    if not fleet.sends(weights):
        return Shift(weights=weights)
    return Finish(result="rolled_back", reason=rollout.abort)


def _bring_back(champion: Release, rules: Rules, seen: Sighting, *, reason: str) -> Provision | Finish:
    if seen.retreats >= _MAX_RETREATS:
        gave_up = f"{seen.retreats} attempts to bring the champion back failed"
        return Finish(result="failed", reason=f"{reason}; and {gave_up}")
    native = any(step.native for step in rules.plan)
    return Provision(layout=_alone(champion, rules, seen.fleet, native=native))


def _alone(release: Release, rules: Rules, fleet: Fleet | None, *, native: bool) -> Layout:
    placement = _place(release, rules, fleet, weight=100, native=native)
    return Layout(production=(placement,), capture_percent=rules.capture_percent)
