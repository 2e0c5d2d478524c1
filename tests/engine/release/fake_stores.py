"""A ledger, a lease, a pointer and the answers to known rows, in memory."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from sagemaker_gitops.aws.invocations import Answer, Invocations
from sagemaker_gitops.aws.lease import Held, Lease
from sagemaker_gitops.aws.ledger import Copy, Ledger, Record
from sagemaker_gitops.aws.pointers import Active, Pointers, Published
from sagemaker_gitops.errors import LeaseLost, LedgerConflict
from tests.engine.release.fake_endpoint import FakeEndpoints, Killer

ANSWER = Answer(status=200, body='{"predictions": [{"label": "no", "probability": 0.1}]}', attributes={})


class FakeInvocations(Invocations):
    """Answers known rows with the fingerprint of the variant's model, or as a test wants it."""

    def __init__(self, endpoints: FakeEndpoints, fingerprints: Mapping[str, str]) -> None:
        self._endpoints = endpoints
        self._fingerprints = fingerprints
        self.answer: Answer | None = None

    def ask(self, endpoint: str, variant: str, body: str) -> Answer:
        """Answer for a variant."""
        view = self._endpoints.describe(endpoint)
        models = {item.name: item.model for item in view.production} if view else {}
        return self.answer or replace(ANSWER, attributes={"fingerprint": self._fingerprints[models[variant]]})


class FakeLeases(Lease):
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


class FakePointers(Pointers):
    """One item, under the condition that no later holder has written; releases may not read it."""

    def __init__(self, killer: Killer) -> None:
        self.killer = killer
        self.item: Published | None = None
        self.reads = 0
        self.failure: Exception | None = None

    def publish(self, endpoint: str, active: Active, *, fence: int) -> bool:
        """Write what serves."""
        if self.failure:
            raise self.failure
        if self.item and (self.item.fence, self.item.sequence) > (fence, active.sequence):
            return False
        item = Published(variant=active.variant, fingerprint=active.fingerprint, sequence=active.sequence, fence=fence)
        self.killer.around(lambda: setattr(self, "item", item))
        return True

    def read(self, endpoint: str) -> Published | None:
        """Read what callers read."""
        self.reads += 1
        return self.item


class FakeLedger(Ledger):
    """A table and its locked copies."""

    def __init__(self, leases: FakeLeases, killer: Killer) -> None:
        self._leases = leases
        self.killer = killer
        self.lines: dict[int, str] = {}
        self.locked: dict[int, str] = {}

    def records(self) -> list[Record]:
        """Read all lines."""
        return [Record(sequence=number, text=text) for number, text in sorted(self.lines.items())]

    def copies(self) -> list[Copy]:
        """Read all copies."""
        return [Copy(sequence=n, text=text, versions=1, locked=True) for n, text in sorted(self.locked.items())]

    def append(self, sequence: int, text: str, *, fence: Held | None) -> None:
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
