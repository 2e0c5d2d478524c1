"""The pen of one holder of the lease: writes the ledger, and knows what it says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from pipeline.errors import LedgerBroken, LedgerConflict
from pipeline.release.history import Standing, fold, follow
from pipeline.release.ledger import Entry, EntryAction, Outcome, parse
from pipeline.release.ports import Clock, LeaseView, Ledgers
from pipeline.release.state import Release


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
                next_step="run `python -m pipeline verify-ledger`; release nothing before it is understood",
            ) from err
    return entries


class Journal:
    """The ledger, open for one author under one lease."""

    def __init__(
        self, ledger: Ledgers, clock: Clock, *, environment: str, author: Author, lease: LeaseView, retention_days: int
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._environment = environment
        self._author = author
        self._lease = lease
        self._retention = timedelta(days=retention_days)
        self.entries = read(ledger)
        self.standing: Standing = fold(self.entries)
        if self.entries:
            # A writer that died between table and bucket left the last line without its copy.
            self._lock(self.entries[-1])

    def write(self, line: Line) -> Entry:
        """Append an entry, copy it under lock, and return it."""
        entry = self._entry(line)
        self._append(entry)
        self._lock(entry)
        self.entries.append(entry)
        self.standing = follow(self.standing, entry)
        return entry

    def _entry(self, line: Line) -> Entry:
        now = self._clock.now()
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
                "started": line.started or now,
                "finished": now,
                "previous": self.standing.head,
            }
        ).sealed()

    def _append(self, entry: Entry) -> None:
        text = entry.text()
        try:
            self._ledger.append(entry.sequence, text, endpoint=self._lease.endpoint, token=self._lease.token)
        except LedgerConflict:
            # Our own write, whose answer was lost on the way, is no conflict.
            if not any(item.sequence == entry.sequence and item.text == text for item in self._ledger.records()):
                raise

    def _lock(self, entry: Entry) -> None:
        self._ledger.lock(entry.sequence, entry.text(), until=entry.finished + self._retention)
