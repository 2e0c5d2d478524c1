"""The next action of a rollout, from what the ledger says and what the endpoint shows. Pure."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

from sagemaker_gitops.aws.endpoint_shapes import Endpoint, EndpointConfig, VariantConfig
from sagemaker_gitops.release.checks import Evidence, breaches, enough_traffic
from sagemaker_gitops.release.ledger import Release
from sagemaker_gitops.release.state import Rollout
from sagemaker_gitops.release.strategies import NATIVE_VARIANT, Rules, Step

_MAX_RETREATS = 3

# Each action is a target, so that doing it twice changes nothing.
Result = Literal["promoted", "rolled_back", "failed"]


@dataclass(frozen=True, kw_only=True)
class Begin:
    """Write down that a step is about to be taken."""

    step: int


@dataclass(frozen=True, kw_only=True)
class Provision:
    """Bring up a fleet of this configuration and retire the present one."""

    config: EndpointConfig
    guarded: bool = False


@dataclass(frozen=True, kw_only=True)
class Shift:
    """Split traffic between the present variants, in percent."""

    weights: dict[str, int]


@dataclass(frozen=True, kw_only=True)
class Confirm:
    """Write down that the endpoint shows a step's target."""

    step: int


@dataclass(frozen=True, kw_only=True)
class Verify:
    """Send known rows to the candidate before callers do."""


@dataclass(frozen=True, kw_only=True)
class Abort:
    """Write down that the candidate has failed, and why."""

    reason: str


@dataclass(frozen=True, kw_only=True)
class Remove:
    """Delete an endpoint that takes nothing else, or whose first release is not good."""


@dataclass(frozen=True, kw_only=True)
class Wait:
    """Look again later."""

    seconds: float
    why: str


@dataclass(frozen=True, kw_only=True)
class Finish:
    """Close the rollout in the ledger."""

    result: Result
    reason: str = ""


Action = Begin | Provision | Shift | Confirm | Verify | Abort | Remove | Wait | Finish


@dataclass(frozen=True, kw_only=True)
class Observation:
    """What one look at the endpoint showed, and what this process did before it."""

    endpoint: Endpoint | None
    now: datetime
    evidence: Evidence = field(default_factory=Evidence)
    verified: bool = False
    problems: tuple[str, ...] = ()
    # The configuration that the last update asked for; None if this process asked for none.
    asked: str | None = None
    retreats: int = 0


def decide(rollout: Rollout, rules: Rules, seen: Observation) -> Action:
    """Return the one action that brings the rollout nearer to promoted or rolled back."""
    if seen.endpoint is not None and not seen.endpoint.settled:
        return Wait(seconds=rules.poll_seconds, why=f"AWS says {seen.endpoint.status}")
    if rollout.abort:
        return _retreat(rollout, rules, seen)
    if reason := _fault(rollout, rules, seen):
        return Abort(reason=reason)
    if rollout.step < 0:
        return Begin(step=0)
    return _advance(rollout, rules, seen)


def _advance(rollout: Rollout, rules: Rules, seen: Observation) -> Action:
    step = rules.plan[rollout.step]
    if move := _converge(rollout, rules, seen.endpoint):
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


def _fault(rollout: Rollout, rules: Rules, seen: Observation) -> str:
    endpoint = seen.endpoint
    if rollout.step >= len(rules.plan):
        return "the configuration changed under an unfinished rollout: its step no longer exists"
    if endpoint is not None and endpoint.broken:
        return f"the endpoint is {endpoint.status}: {endpoint.failure or 'AWS gave no reason'}"
    if endpoint is not None and seen.asked is not None and endpoint.config != seen.asked:
        return f"AWS went back to {endpoint.config} instead of {seen.asked}: {endpoint.failure or 'no reason given'}"
    if seen.problems:
        return "; ".join(seen.problems)
    if rollout.step < 0 or rollout.since is None or not rules.plan[rollout.step].watched:
        return ""
    return "; ".join(breaches(seen.evidence, rules.limits)) or _idle(rollout, rules, seen)


def _idle(rollout: Rollout, rules: Rules, seen: Observation) -> str:
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


def _bake(step: Step, rules: Rules, seen: Observation, *, since: datetime) -> Wait | None:
    left = step.bake_seconds - (seen.now - since).total_seconds()
    if left > 0:
        return Wait(seconds=min(left, rules.check_seconds), why=f"{step.name}: {left:.0f} s of bake left")
    if step.minimum_requests and not enough_traffic(seen.evidence, rules.limits):
        got = seen.evidence.candidate.requests
        return Wait(seconds=rules.check_seconds, why=f"{step.name}: {got} of {step.minimum_requests} requests so far")
    return None


def _converge(rollout: Rollout, rules: Rules, endpoint: Endpoint | None) -> Provision | Shift | None:
    step, champion = rules.plan[rollout.step], rollout.champion
    config = _config(rollout, rules, endpoint)
    if step.native and champion and endpoint is not None and set(endpoint.percents) != {NATIVE_VARIANT}:
        # A guardrail wants one variant name before and after: the champion gets it first.
        return Provision(config=_alone(champion, rules, endpoint, native=True))
    if endpoint is None or not endpoint.has(config):
        return Provision(config=config, guarded=step.native)
    return None if endpoint.splits(config.weights) else Shift(weights=config.weights)


def _config(rollout: Rollout, rules: Rules, endpoint: Endpoint | None) -> EndpointConfig:
    production, shadow = _variants(rollout, rules, endpoint)
    return EndpointConfig(production=production, shadow=shadow, capture_percent=rules.capture_percent)


def _variants(
    rollout: Rollout, rules: Rules, endpoint: Endpoint | None
) -> tuple[tuple[VariantConfig, ...], tuple[VariantConfig, ...]]:
    step, champion, candidate = rules.plan[rollout.step], rollout.champion, rollout.candidate
    if champion is None or step.alone:
        return (_variant(candidate, rules, endpoint, weight=100, native=step.native),), ()
    if step.mirrored:
        mirror = _variant(candidate, rules, endpoint, weight=rules.mirror_percent)
        return (_variant(champion, rules, endpoint, weight=100),), (mirror,)
    old = _variant(champion, rules, endpoint, weight=100 - step.percent)
    return (old, _variant(candidate, rules, endpoint, weight=step.percent)), ()


def _variant(
    release: Release, rules: Rules, endpoint: Endpoint | None, *, weight: int, native: bool = False
) -> VariantConfig:
    # A fleet that autoscaling has grown is replaced by one of the same size, never by a smaller one.
    grown = endpoint.instances if endpoint else 0
    return VariantConfig(
        name=NATIVE_VARIANT if native else release.variant,
        model=release.model,
        fingerprint=release.fingerprint,
        weight=weight,
        instance_type=rules.instance_type,
        instances=max(rules.instances, grown),
    )


def _retreat(rollout: Rollout, rules: Rules, seen: Observation) -> Action:
    endpoint, champion = seen.endpoint, rollout.champion
    if champion is None:
        return Remove() if endpoint is not None else Finish(result="rolled_back", reason=rollout.abort)
    if endpoint is not None and endpoint.failed:
        return Remove()
    variant = endpoint.variant_of(champion.model) if endpoint is not None and not endpoint.shadow else None
    if endpoint is None or endpoint.broken or variant is None:
        return _bring_back(champion, rules, seen, reason=rollout.abort)
    weights = {item.name: 0 for item in endpoint.production} | {variant.name: 100}
    if not endpoint.splits(weights):
        return Shift(weights=weights)
    return Finish(result="rolled_back", reason=rollout.abort)


def _bring_back(champion: Release, rules: Rules, seen: Observation, *, reason: str) -> Provision | Finish:
    if seen.retreats >= _MAX_RETREATS:
        gave_up = f"{seen.retreats} attempts to bring the champion back failed"
        return Finish(result="failed", reason=f"{reason}; and {gave_up}")
    native = any(step.native for step in rules.plan)
    return Provision(config=_alone(champion, rules, seen.endpoint, native=native))


def _alone(release: Release, rules: Rules, endpoint: Endpoint | None, *, native: bool) -> EndpointConfig:
    variant = _variant(release, rules, endpoint, weight=100, native=native)
    return EndpointConfig(production=(variant,), capture_percent=rules.capture_percent)
