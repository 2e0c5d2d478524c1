"""What a rollout needs of the world; pipeline.aws fits these protocols, and so does a test's model of AWS."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from sagemaker_gitops.release.checks import Evidence
from sagemaker_gitops.release.history import Active
from sagemaker_gitops.release.state import EndpointView, Layout


class Clock(Protocol):
    """Time, so that tests need not wait for it."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""

    def sleep(self, seconds: float) -> None:
        """Let time pass."""


class SystemClock:
    """The machine's clock."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


@dataclass(frozen=True, kw_only=True)
class Guard:
    """AWS's own deployment guardrail; waits in seconds, step in percent of the fleet."""

    routing: str
    percent: int
    wait_seconds: int
    termination_wait_seconds: int
    timeout_seconds: int
    alarms: tuple[str, ...]


class AnswerView(Protocol):
    """What a variant answered to a request of ours."""

    @property
    def status(self) -> int: ...  # noqa: D102
    @property
    def body(self) -> str: ...  # noqa: D102
    @property
    def attributes(self) -> Mapping[str, str]: ...  # noqa: D102


class Fleets(Protocol):
    """The endpoint: the only part of the world that a rollout changes."""

    def describe(self, endpoint: str) -> EndpointView | None:
        """Look at the endpoint; None when there is none."""

    def create(self, endpoint: str, config: str, layout: Layout) -> None:
        """Bring up an endpoint under a configuration of this name and layout."""

    def update(self, endpoint: str, config: str, layout: Layout, guard: Guard | None) -> None:
        """Replace the endpoint's fleet."""

    def shift(self, endpoint: str, weights: Mapping[str, int]) -> None:
        """Split traffic between the endpoint's variants."""

    def delete(self, endpoint: str) -> None:
        """Delete the endpoint."""

    def tag(self, endpoint: str, tags: Mapping[str, str]) -> None:
        """Write down on the endpoint what it serves."""


class Probe(Protocol):
    """The endpoint's data plane, for requests of our own."""

    def ask(self, endpoint: str, variant: str, body: str) -> AnswerView:
        """Send a request to one variant."""


class Gauges(Protocol):
    """What live traffic shows."""

    def measure(self, *, candidate: str, champion: str | None, since: datetime, mirrored: bool) -> Evidence:
        """Compare two variants on what happened since a moment."""


class LeaseView(Protocol):
    """The right to change one endpoint, with its fencing token and expiry in epoch seconds."""

    @property
    def endpoint(self) -> str: ...  # noqa: D102
    @property
    def owner(self) -> str: ...  # noqa: D102
    @property
    def token(self) -> int: ...  # noqa: D102
    @property
    def expires(self) -> float: ...  # noqa: D102


class Leases(Protocol):
    """One holder an endpoint."""

    def acquire(self, endpoint: str, owner: str, *, now: float, seconds: float) -> LeaseView | None:
        """Take a free or expired lease; None when somebody else holds it."""

    def take_over(self, endpoint: str, owner: str, *, now: float, seconds: float) -> LeaseView:
        """Take the lease from whoever holds it."""

    def holder(self, endpoint: str) -> LeaseView | None:
        """Say who holds the lease."""

    def renew(self, endpoint: str, token: int, *, now: float, seconds: float) -> None:
        """Extend a lease; LeaseLost when it was taken over."""

    def release(self, endpoint: str, token: int) -> None:
        """Give a lease back; no error when it was taken over."""


class Pointers(Protocol):
    """Where callers read which release serves: a cache of the ledger, which no rollout ever reads."""

    def publish(self, endpoint: str, active: Active, *, fence: int) -> bool:
        """Write what serves; False when a later holder of the lease has written already."""


class PointedView(Protocol):
    """What callers are told; `sequence` is the ledger's entry that said so."""

    @property
    def variant(self) -> str: ...  # noqa: D102
    @property
    def fingerprint(self) -> str: ...  # noqa: D102
    @property
    def sequence(self) -> int: ...  # noqa: D102


class RecordView(Protocol):
    """A stored line of the ledger."""

    @property
    def sequence(self) -> int: ...  # noqa: D102
    @property
    def text(self) -> str: ...  # noqa: D102


class Ledgers(Protocol):
    """The ledger's table and its locked copies."""

    def records(self) -> Sequence[RecordView]:
        """Read every line in order."""

    def append(self, sequence: int, text: str, *, fence: LeaseView | None) -> None:
        """Write the next line; LeaseLost when the fence fell, LedgerConflict when the place is taken."""

    def lock(self, sequence: int, text: str, *, until: datetime) -> None:
        """Keep a copy that nobody can alter before a moment; once more changes nothing."""
