"""The state of one environment: what must serve, what does, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sagemaker_gitops.aws.endpoint_shapes import Endpoint
from sagemaker_gitops.aws.pointers import Published
from sagemaker_gitops.release.state import LedgerState, Promotion


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What ledger, endpoint, lease, pointer and alarms said; `alarms` maps names to CloudWatch's states."""

    state: LedgerState
    endpoint: Endpoint | None
    holder: str
    alarms: Mapping[str, str]
    standby_hours: float
    published: Published | None


@dataclass(frozen=True, kw_only=True)
class Status:
    """One environment in a few words; traffic is in percent by variant."""

    environment: str
    health: str
    version: int | None = None
    commit: str = ""
    since: datetime | None = None
    actor: str = ""
    approver: str = ""
    reason: str = ""
    traffic: Mapping[str, float]
    standby: tuple[str, ...] = ()
    standby_until: datetime | None = None
    troubles: tuple[str, ...] = ()


def judge(environment: str, seen: Seen) -> Status:
    """Put together what was seen."""
    promotion = seen.state.promotions[-1] if seen.state.promotions else None
    traffic = seen.endpoint.percents if seen.endpoint else {}
    standby = tuple(name for name, share in traffic.items() if share == 0) if not seen.state.rollout else ()
    troubles = _troubles(seen)
    return Status(
        environment=environment,
        health=_health(seen, troubles),
        traffic=traffic,
        standby=standby,
        standby_until=_until(seen) if standby else None,
        troubles=troubles,
        **_last_promotion(promotion),  # type: ignore[arg-type]
    )


def _last_promotion(promotion: Promotion | None) -> dict[str, object]:
    if promotion is None:
        return {}
    entry, release = promotion.entry, promotion.release
    return {
        "version": release.version,
        "commit": release.commit,
        "since": entry.finished,
        "actor": entry.actor,
        "approver": entry.approver,
        "reason": entry.reason,
    }


def _until(seen: Seen) -> datetime | None:
    closed = seen.state.closed
    return closed.finished + timedelta(hours=seen.standby_hours) if closed else None


def _health(seen: Seen, troubles: tuple[str, ...]) -> str:
    if troubles:
        return "unhealthy"
    if seen.state.rollout:
        return "changing"
    return "healthy" if seen.state.serving else "empty"


def _troubles(seen: Seen) -> tuple[str, ...]:
    if seen.endpoint is None and seen.state.serving is None and seen.state.rollout is None:
        return ()  # the alarms on silence ring before the first release, and mean nothing yet
    ringing = tuple(f"alarm {name}" for name, state in sorted(seen.alarms.items()) if state == "ALARM")
    return (*_of_endpoint(seen), *_of_rollout(seen), *_of_pointer(seen), *ringing)


def _of_endpoint(seen: Seen) -> tuple[str, ...]:
    serving, endpoint = seen.state.serving, seen.endpoint
    if endpoint is None:
        return ("the endpoint is gone",) if serving else ()
    if endpoint.broken:
        return (f"the endpoint is {endpoint.status}: {endpoint.failure or 'AWS gives no reason'}",)
    if seen.state.rollout:
        return ()
    if serving is None:
        return ("an endpoint serves, and the ledger knows of no release",)
    if not endpoint.settled:
        return (f"the endpoint is {endpoint.status}, and no release is under way",)
    share = endpoint.percent_of(serving.model)
    return (f"{serving.variant} has {share:g} % of the traffic instead of all",) if share != 100 else ()


def _of_rollout(seen: Seen) -> tuple[str, ...]:
    rollout = seen.state.rollout
    if rollout is None or seen.holder:
        return ()
    return (f"the {rollout.kind} of {rollout.candidate.variant} was left unfinished",)


def _of_pointer(seen: Seen) -> tuple[str, ...]:
    wrong = seen.state.wrongly_published(seen.published)
    # Whoever holds the lease may be between the ledger and its pointer.
    return () if seen.holder or not wrong else (f"callers are told that {wrong} serves",)
