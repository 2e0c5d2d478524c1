"""A ledger, a lease, known rows and live traffic, in memory."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from sagemaker_gitops.errors import LeaseLost, LedgerConflict
from sagemaker_gitops.release.checks import Evidence
from sagemaker_gitops.release.history import Active
from sagemaker_gitops.release.ledger import Copy, Record
from sagemaker_gitops.release.ports import LeaseView
from tests.engine.release.fake_endpoint import FakeFleets, Killer


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What a variant answers."""

    status: int = 200
    body: str = '{"predictions": [{"label": "no", "probability": 0.1}]}'
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Held:
    """The lease."""

    endpoint: str
    owner: str
    token: int
    expires: float


class FakeProbe:
    """Answers known rows with the fingerprint of the variant's model, or as a test wants it."""

    def __init__(self, fleets: FakeFleets, fingerprints: Mapping[str, str]) -> None:
        self._fleets = fleets
        self._fingerprints = fingerprints
        self.answer: Answer | None = None

    def ask(self, endpoint: str, variant: str, body: str) -> Answer:
        """Answer for a variant."""
        view = self._fleets.describe(endpoint)
        models = {item.name: item.model for item in view.production} if view else {}
        return self.answer or Answer(attributes={"fingerprint": self._fingerprints[models[variant]]})


class FakeGauges:
    """Returns what a test says about live traffic."""

    def __init__(self, measure: Callable[[datetime], Evidence]) -> None:
        self._measure = measure

    def measure_by(self, measure: Callable[[datetime], Evidence]) -> None:
        """Say something else from here on."""
        self._measure = measure

    def measure(self, *, candidate: str, champion: str | None, since: datetime, mirrored: bool) -> Evidence:
        """Return the evidence since a moment."""
        return self._measure(since)


class FakeLeases:
    """One lease."""

    def __init__(self) -> None:
        self.held: Held | None = None

    def acquire(self, endpoint: str, owner: str, *, now: float, seconds: float) -> Held | None:
        """Take it when it is free, expired or ours."""
        held = self.held
        if held and held.expires >= now and held.owner != owner:
            return None
        return self.take_over(endpoint, owner, now=now, seconds=seconds)

    def take_over(self, endpoint: str, owner: str, *, now: float, seconds: float) -> Held:
        """Take it."""
        token = self.held.token + 1 if self.held else 1
        self.held = Held(endpoint=endpoint, owner=owner, token=token, expires=now + seconds)
        return self.held

    def holder(self, endpoint: str) -> Held | None:
        """Say who holds it."""
        return self.held

    def renew(self, endpoint: str, token: int, *, now: float, seconds: float) -> None:
        """Extend it."""
        if self.held is None or self.held.token != token:
            raise LeaseLost("taken over")
        self.held = replace(self.held, expires=now + seconds)

    def release(self, endpoint: str, token: int) -> None:
        """Give it back."""
        if self.held and self.held.token == token:
            self.held = replace(self.held, expires=0)


@dataclass(frozen=True, kw_only=True)
class Pointed:
    """What callers are told."""

    variant: str
    fingerprint: str
    sequence: int
    fence: int


class FakePointers:
    """One item, under the condition that no later holder has written; releases may not read it."""

    def __init__(self, killer: Killer) -> None:
        self.killer = killer
        self.item: Pointed | None = None
        self.reads = 0
        self.failure: Exception | None = None

    def publish(self, endpoint: str, active: Active, *, fence: int) -> bool:
        """Write what serves."""
        if self.failure:
            raise self.failure
        if self.item and (self.item.fence, self.item.sequence) > (fence, active.sequence):
            return False
        item = Pointed(variant=active.variant, fingerprint=active.fingerprint, sequence=active.sequence, fence=fence)
        self.killer.around(lambda: setattr(self, "item", item))
        return True

    def read(self, endpoint: str) -> Pointed | None:
        """Read what callers are told."""
        self.reads += 1
        return self.item


class FakeLedger:
    """A table and its locked copies."""

    def __init__(self, leases: FakeLeases, killer: Killer) -> None:
        self._leases = leases
        self.killer = killer
        self.lines: dict[int, str] = {}
        self.locked: dict[int, str] = {}

    def records(self) -> Sequence[Record]:
        """Read all lines."""
        return [Record(sequence=number, text=text) for number, text in sorted(self.lines.items())]

    def copies(self) -> list[Copy]:
        """Read all copies."""
        return [Copy(sequence=n, text=text, versions=1, locked=True) for n, text in sorted(self.locked.items())]

    def append(self, sequence: int, text: str, *, fence: LeaseView | None) -> None:
        """Write the next line."""
        if fence and (self._leases.held is None or self._leases.held.token != fence.token):
            raise LeaseLost("taken over")
        if sequence in self.lines:
            raise LedgerConflict("taken")
        self.killer.around(lambda: self.lines.update({sequence: text}))

    def lock(self, sequence: int, text: str, *, until: datetime) -> None:
        """Write a copy once."""
        if sequence not in self.locked:
            self.killer.around(lambda: self.locked.update({sequence: text}))
