"""Writing the ledger: each entry follows the last one, under the writer's lease, and is copied under lock."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from sagemaker_gitops.aws.lease import Held
from sagemaker_gitops.aws.ledger import Ledger
from sagemaker_gitops.errors import LedgerConflict
from sagemaker_gitops.release.lease import Clock
from sagemaker_gitops.release.ledger import Entry, EntryAction, Outcome, Release, read
from sagemaker_gitops.release.state import LedgerState, apply, fold

_MAX_CONFLICTS = 5


@dataclass(frozen=True, kw_only=True)
class Author:
    """Who acts, who approved it, and in which run."""

    actor: str
    approver: str = ""
    run: str = ""


@dataclass(frozen=True, kw_only=True)
class NewEntry:
    """An entry without its author, its time and its position in the chain."""

    action: EntryAction
    outcome: Outcome
    release: Release | None = None
    before: Mapping[str, float] | None = None
    after: Mapping[str, float] | None = None
    step: int | None = None
    reason: str = ""
    strategy: str = ""
    started: datetime | None = None


class LedgerWriter:
    """The ledger, open for one author; without a lease only for notes that change nothing."""

    def __init__(
        self,
        ledger: Ledger,
        clock: Clock,
        *,
        environment: str,
        author: Author,
        lease: Held | None,
        retention_days: int,
    ) -> None:
        self._ledger = ledger
        self._clock = clock
        self._environment = environment
        self._author = author
        self._lease = lease
        self._retention = timedelta(days=retention_days)
        self.entries: list[Entry] = []
        self.state = LedgerState()
        self.reload()

    def write(self, new: NewEntry) -> Entry:
        """Append an entry, copy it under lock, and return it."""
        started = self._clock.now()
        for _ in range(_MAX_CONFLICTS):
            entry = self._entry(new, started=started)
            if self._append(entry):
                self._lock(entry)
                self.entries.append(entry)
                self.state = apply(self.state, entry)
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
        self.state = fold(self.entries)
        if self.entries:
            # A writer that died between table and bucket left the last entry without its copy.
            self._lock(self.entries[-1])

    def _entry(self, new: NewEntry, *, started: datetime) -> Entry:
        return Entry.model_validate(
            {
                "environment": self._environment,
                "sequence": self.state.sequence + 1,
                "action": new.action,
                "outcome": new.outcome,
                "release": new.release,
                "from": dict(new.before or {}),
                "to": dict(new.after or {}),
                "step": new.step,
                "strategy": new.strategy,
                "actor": self._author.actor,
                "approver": self._author.approver,
                "run": self._author.run,
                "reason": new.reason,
                "started": new.started or started,
                "finished": started,
                "previous": self.state.head,
            }
        ).sealed()

    def _append(self, entry: Entry) -> bool:
        """Write an entry; False when somebody else's note took its number (a rollout's would need our lease)."""
        text = entry.text()
        try:
            self._ledger.append(entry.sequence, text, fence=self._lease)
        except LedgerConflict:
            # Our own write, whose answer was lost on the way, is no conflict.
            return any(item.sequence == entry.sequence and item.text == text for item in self._ledger.records())
        return True

    def _lock(self, entry: Entry) -> None:
        self._ledger.lock(entry.sequence, entry.text(), until=entry.finished + self._retention)
