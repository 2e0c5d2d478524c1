"""The state of one environment: what must serve, what does, and what is wrong with it."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sagemaker_gitops.release.history import Promotion, Standing
from sagemaker_gitops.release.pointer import misled
from sagemaker_gitops.release.ports import PointedView
from sagemaker_gitops.release.state import Fleet


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What ledger, endpoint, lease, pointer and alarms said; `alarms` maps names to CloudWatch's states."""

    standing: Standing
    fleet: Fleet | None
    holder: str
    alarms: Mapping[str, str]
    standby_hours: float
    pointed: PointedView | None


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
    promotion = seen.standing.promotions[-1] if seen.standing.promotions else None
    traffic = seen.fleet.percents if seen.fleet else {}
    standby = tuple(name for name, share in traffic.items() if share == 0) if not seen.standing.rollout else ()
    troubles = _troubles(seen)
    return Status(
        environment=environment,
        health=_health(seen, troubles),
        traffic=traffic,
        standby=standby,
        standby_until=_until(seen) if standby else None,
        troubles=troubles,
        **_word(promotion),  # type: ignore[arg-type]
    )


def _word(promotion: Promotion | None) -> dict[str, object]:
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
    closed = seen.standing.closed
    return closed.finished + timedelta(hours=seen.standby_hours) if closed else None


def _health(seen: Seen, troubles: tuple[str, ...]) -> str:
    if troubles:
        return "unhealthy"
    if seen.standing.rollout:
        return "changing"
    return "healthy" if seen.standing.serving else "empty"


def _troubles(seen: Seen) -> tuple[str, ...]:
    if seen.fleet is None and seen.standing.serving is None and seen.standing.rollout is None:
        return ()  # the alarms on silence ring before the first release, and mean nothing yet
    ringing = tuple(f"alarm {name}" for name, state in sorted(seen.alarms.items()) if state == "ALARM")
    return (*_of_fleet(seen), *_of_rollout(seen), *_of_pointer(seen), *ringing)


def _of_fleet(seen: Seen) -> tuple[str, ...]:
    serving, fleet = seen.standing.serving, seen.fleet
    if fleet is None:
        return ("the endpoint is gone",) if serving else ()
    if fleet.broken:
        return (f"the endpoint is {fleet.status}: {fleet.failure or 'AWS gives no reason'}",)
    if seen.standing.rollout:
        return ()
    if serving is None:
        return ("an endpoint serves, and the ledger knows of no release",)
    if not fleet.settled:
        return (f"the endpoint is {fleet.status}, and no release is under way",)
    share = fleet.percent(serving)
    return (f"{serving.variant} has {share:g} % of the traffic instead of all",) if share != 100 else ()


def _of_rollout(seen: Seen) -> tuple[str, ...]:
    rollout = seen.standing.rollout
    if rollout is None or seen.holder:
        return ()
    return (f"the {rollout.kind} of {rollout.candidate.variant} was left unfinished",)


def _of_pointer(seen: Seen) -> tuple[str, ...]:
    told = misled(seen.standing, seen.pointed)
    # Whoever holds the lease may be between the ledger and its pointer.
    return () if seen.holder or not told else (f"callers are told that {told} serves",)
