"""What the ledger says: which release must serve, what came before, and what is unfinished. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal, cast

from sagemaker_gitops.aws.pointers import Active, Published
from sagemaker_gitops.release.ledger import GENESIS, Entry, Release

RolloutKind = Literal["deploy", "rollback", "repair", "clean"]
_KINDS = frozenset({"deploy", "rollback", "repair", "clean"})
_DAY = timedelta(days=1)


@dataclass(frozen=True, kw_only=True)
class Rollout:
    """An unfinished change of release, as far as the ledger says."""

    kind: RolloutKind
    candidate: Release
    champion: Release | None
    started: datetime
    step: int = -1
    # When the step's target was first seen on the endpoint; None while it is being reached.
    since: datetime | None = None
    abort: str = ""


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """A release that came to serve 100 % of traffic, and the entry that says so."""

    release: Release
    entry: Entry


@dataclass(frozen=True, kw_only=True)
class LedgerState:
    """What all entries together say."""

    promotions: tuple[Promotion, ...] = ()
    rollout: Rollout | None = None
    opened: Entry | None = None
    closed: Entry | None = None
    # The models of every release that was ever begun.
    known: frozenset[str] = frozenset()
    sequence: int = 0
    head: str = GENESIS

    @property
    def serving(self) -> Release | None:
        """The release that must serve 100 % of traffic."""
        return self.promotions[-1].release if self.promotions else None

    @property
    def active(self) -> Active | None:
        """The release that must serve, as it is published to callers."""
        if not self.promotions:
            return None
        release, entry = self.promotions[-1].release, self.promotions[-1].entry
        return Active(
            version=release.version,
            variant=release.variant,
            fingerprint=release.fingerprint,
            commit=release.commit,
            sequence=entry.sequence,
            since=entry.finished,
        )

    @property
    def previous(self) -> Release | None:
        """The release that the serving one replaced; one that was rolled back from does not count."""
        line: list[Release] = []
        for item in self.promotions:
            known = next((index for index, release in enumerate(line) if release.same_as(item.release)), None)
            if known is not None and item.entry.action == "rollback":
                del line[known:]
            elif line and line[-1].same_as(item.release):
                continue
            line.append(item.release)
        return line[-2] if len(line) > 1 else None

    @property
    def fallback(self) -> Release | None:
        """The release to roll back to without asking anybody; nothing is known below one that was rolled back to."""
        if self.rollout:
            # A rollback that was begun goes on; while a candidate is being tried, what came before it still serves.
            return self.rollout.candidate if self.rollout.kind == "rollback" else self.serving
        at_the_bottom = bool(self.promotions) and self.promotions[-1].entry.action == "rollback"
        return None if at_the_bottom else self.previous

    def wrongly_published(self, published: Published | None) -> str:
        """Say what callers read instead of the release that must serve; empty when it is the same."""
        active = self.active
        if active is None:
            return ""
        if published is None:
            return "nothing"
        # The ledger was read a moment before: a release that ended since then is ahead of it.
        same = (published.variant, published.fingerprint) == (active.variant, active.fingerprint)
        return "" if same or published.sequence > self.sequence else published.variant


def fold(entries: Iterable[Entry]) -> LedgerState:
    """Read the ledger from its beginning."""
    state = LedgerState()
    for entry in entries:
        state = apply(state, entry)
    return state


def apply(state: LedgerState, entry: Entry) -> LedgerState:
    """Return the state after one more entry."""
    state = replace(state, sequence=entry.sequence, head=entry.hash)
    if entry.action in _KINDS and entry.release is not None:
        return _open(state, entry, entry.release) if entry.outcome == "started" else _close(state, entry)
    if state.rollout is None:
        return state
    return replace(state, rollout=_progress(state.rollout, entry))


def find(entries: Sequence[Entry], name: str) -> list[Release]:
    """Find the releases that ever served under a version number or a commit, newest first."""
    served = {item.release.model: item.release for item in reversed(fold(entries).promotions)}
    return [
        item
        for item in served.values()
        if name == str(item.version) or (len(name) >= 7 and item.commit.startswith(name))
    ]


@dataclass(frozen=True, kw_only=True)
class RollbackPolicy:
    """At most so many rollbacks in 24 hours, each no sooner than the cool-down after the one before."""

    cooldown: timedelta
    maximum_per_day: int


def objection(entries: Sequence[Entry], state: LedgerState, policy: RollbackPolicy, *, now: datetime) -> str:
    """Say why nobody may roll back now unless a person asks for it; empty when it is allowed.

    A rollback that was begun may always be finished. infra/lib/respond.py keeps the same rules without a checkout.
    """
    if state.rollout and state.rollout.kind == "rollback":
        return ""
    if state.fallback is None:
        return "there is no earlier release that is known to be good"
    rollbacks = [entry.finished for entry in entries if _rolled_back(entry)]
    today = [moment for moment in rollbacks if now - moment < _DAY]
    if len(today) >= policy.maximum_per_day:
        return f"{len(today)} in the last 24 hours; {policy.maximum_per_day} are allowed"
    if rollbacks and now - rollbacks[-1] < policy.cooldown:
        return f"the last one was at {rollbacks[-1]:%Y-%m-%d %H:%M}; it cools down"
    return ""


def _open(state: LedgerState, entry: Entry, release: Release) -> LedgerState:
    kind = cast(RolloutKind, entry.action)
    rollout = Rollout(kind=kind, candidate=release, champion=state.serving, started=entry.started)
    return replace(state, rollout=rollout, opened=entry, known=state.known | {release.model})


def _close(state: LedgerState, entry: Entry) -> LedgerState:
    closed = replace(state, rollout=None, opened=None, closed=entry)
    if entry.outcome != "promoted" or entry.release is None:
        return closed
    return replace(closed, promotions=(*state.promotions, Promotion(release=entry.release, entry=entry)))


def _progress(rollout: Rollout, entry: Entry) -> Rollout:
    if entry.action == "abort":
        return replace(rollout, abort=entry.reason)
    if entry.action == "step" and entry.step is not None:
        done = entry.outcome == "succeeded"
        return replace(rollout, step=entry.step, since=entry.finished if done else None)
    return rollout


def _rolled_back(entry: Entry) -> bool:
    if entry.action not in _KINDS or entry.release is None:
        return False
    return entry.outcome == "rolled_back" or (entry.action == "rollback" and entry.outcome == "promoted")
