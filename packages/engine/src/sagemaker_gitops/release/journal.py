"""The pen of one holder of the lease: writes the ledger, and knows what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sagemaker_gitops.errors import LedgerBroken, LedgerConflict
from sagemaker_gitops.release.history import Standing, fold, follow
from sagemaker_gitops.release.ledger import Entry, EntryAction, Outcome, parse
from sagemaker_gitops.release.ports import Clock, LeaseView, Ledgers
from sagemaker_gitops.release.state import Release


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who acts, who let them, and in which run."""

    actor: str
    approver: str = ""
    run: str = ""


@dataclass(frozen=True, kw_only=True)
class Line:
    """What an entry says beside who, when and where in the chain."""

    action: EntryAction
    outcome: Outcome
    release: Release | None = None
    before: Mapping[str, float] | None = None
    after: Mapping[str, float] | None = None
    step: int | None = None
    reason: str = ""
    strategy: str = ""
    started: datetime | None = None


_MAX_CONFLICTS = 5


def read(ledger: Ledgers) -> list[Entry]:
    """Read the whole ledger; a line that cannot be read stops everything."""
    entries: list[Entry] = []
    for record in ledger.records():
        try:
            entries.append(parse(record.text))
        except ValueError as err:
            raise LedgerBroken(
                f"entry {record.sequence}: {err}",
                where="the ledger's table",
                next_step="run `pipeline verify-ledger`; release nothing before it is understood",
            ) from err
    return entries


class Journal:
    """The ledger, open for one author under one lease."""

    def __init__(
        self,
        ledger: Ledgers,
        clock: Clock,
        *,
        environment: str,
        author: Author,
        lease: LeaseView | None,
        retention_days: int,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._environment = environment
        self._author = author
        self._lease = lease
        self._retention = timedelta(days=retention_days)
        self.entries: list[Entry] = []
        self.standing = Standing()
        self.reload()

    def write(self, line: Line) -> Entry:
        """Append an entry, copy it under lock, and return it."""
        started = self._clock.now()
        for _ in range(_MAX_CONFLICTS):
            entry = self._entry(line, started=started)
            if self._append(entry):
                self._lock(entry)
                self._follow(entry)
                return entry
            self.reload()
        raise LedgerConflict(
            f"{_MAX_CONFLICTS} other writers were faster",
            where="the ledger's table",
            next_step="run the same command again; it continues from what the ledger says now",
        )

    def reload(self) -> None:
        """Read again what the ledger says."""
        self.entries = read(self._ledger)
        self.standing = fold(self.entries)
        if self.entries:
            # A writer that died between table and bucket left the last line without its copy.
            self._lock(self.entries[-1])

    def _follow(self, entry: Entry) -> None:
        self.entries.append(entry)
        self.standing = follow(self.standing, entry)

    def _entry(self, line: Line, *, started: datetime) -> Entry:
        return Entry.model_validate(
            {
                "environment": self._environment,
                "sequence": self.standing.sequence + 1,
                "action": line.action,
                "outcome": line.outcome,
                "release": line.release,
                "from": dict(line.before or {}),
                "to": dict(line.after or {}),
                "step": line.step,
                "strategy": line.strategy,
                "actor": self._author.actor,
                "approver": self._author.approver,
                "run": self._author.run,
                "reason": line.reason,
                "started": line.started or started,
                "finished": started,
                "previous": self.standing.head,
            }
        ).sealed()

    def _append(self, entry: Entry) -> bool:
        """Write an entry; False when somebody else's note took its place (a rollout's would need our lease)."""
        text = entry.text()
        try:
            self._ledger.append(entry.sequence, text, fence=self._lease)
        except LedgerConflict:
            # Our own write, whose answer was lost on the way, is no conflict.
            return any(item.sequence == entry.sequence and item.text == text for item in self._ledger.records())
        return True

    def _lock(self, entry: Entry) -> None:
        self._ledger.lock(entry.sequence, entry.text(), until=entry.finished + self._retention)
