"""What the ledger says: which release must serve, what came before, and what is unfinished."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import cast

from sagemaker_gitops.release.ledger import GENESIS, Entry
from sagemaker_gitops.release.machine import Rollout, RolloutKind
from sagemaker_gitops.release.state import Release

OPENING = frozenset({"deploy", "rollback", "repair", "clean"})


@dataclass(frozen=True, kw_only=True)
class Promotion:
    """A release that came to serve everybody, and the entry that says so."""

    release: Release
    entry: Entry


@dataclass(frozen=True, kw_only=True)
class Active:
    """What serves, in the few words that callers ask for; `sequence` is the ledger's entry that says so."""

    version: int
    variant: str
    fingerprint: str
    commit: str
    sequence: int
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Standing:
    """The ledger, folded."""

    promotions: tuple[Promotion, ...] = ()
    rollout: Rollout | None = None
    opened: Entry | None = None
    closed: Entry | None = None
    known: frozenset[str] = frozenset()
    sequence: int = 0
    head: str = GENESIS

    @property
    def serving(self) -> Release | None:
        """The release that must answer every caller."""
        return self.promotions[-1].release if self.promotions else None

    @property
    def active(self) -> Active | None:
        """The release that must answer every caller, as callers are told of it."""
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
            known = next((place for place, release in enumerate(line) if release.same_as(item.release)), None)
            if known is not None and item.entry.action == "rollback":
                del line[known:]
            elif line and line[-1].same_as(item.release):
                continue
            line.append(item.release)
        return line[-2] if len(line) > 1 else None

    @property
    def fallback(self) -> Release | None:
        """The release to go back to without asking anybody; nothing is known below one that was gone back to."""
        if self.rollout:
            # A rollback that was begun goes on; while a candidate is being tried, what came before it still serves.
            return self.rollout.candidate if self.rollout.kind == "rollback" else self.serving
        at_the_bottom = bool(self.promotions) and self.promotions[-1].entry.action == "rollback"
        return None if at_the_bottom else self.previous


def fold(entries: Iterable[Entry]) -> Standing:
    """Read the ledger from its beginning."""
    standing = Standing()
    for entry in entries:
        standing = follow(standing, entry)
    return standing


def follow(standing: Standing, entry: Entry) -> Standing:
    """Apply one entry."""
    standing = replace(standing, sequence=entry.sequence, head=entry.hash)
    if entry.action in OPENING and entry.release is not None:
        return _open(standing, entry, entry.release) if entry.outcome == "started" else _close(standing, entry)
    if standing.rollout is None:
        return standing
    return replace(standing, rollout=_progress(standing.rollout, entry))


def find(entries: Sequence[Entry], wanted: str) -> list[Release]:
    """Find the releases that ever served under a version number or a commit, newest first."""
    served = {item.release.model: item.release for item in reversed(fold(entries).promotions)}
    return [
        item
        for item in served.values()
        if wanted == str(item.version) or (len(wanted) >= 7 and item.commit.startswith(wanted))
    ]


def _open(standing: Standing, entry: Entry, release: Release) -> Standing:
    kind = cast(RolloutKind, entry.action)
    rollout = Rollout(kind=kind, candidate=release, champion=standing.serving, started=entry.started)
    return replace(standing, rollout=rollout, opened=entry, known=standing.known | {release.model})


def _close(standing: Standing, entry: Entry) -> Standing:
    closed = replace(standing, rollout=None, opened=None, closed=entry)
    if entry.outcome != "promoted" or entry.release is None:
        return closed
    return replace(closed, promotions=(*standing.promotions, Promotion(release=entry.release, entry=entry)))


def _progress(rollout: Rollout, entry: Entry) -> Rollout:
    if entry.action == "abort":
        return replace(rollout, abort=entry.reason)
    if entry.action == "step" and entry.step is not None:
        done = entry.outcome == "succeeded"
        return replace(rollout, step=entry.step, since=entry.finished if done else None)
    return rollout
