"""Holding the lease of an endpoint while time passes: one holder, and a dead one does not block for long."""

import time
from collections.abc import Callable
from datetime import UTC, datetime

from sagemaker_gitops.aws.lease import Held, Lease
from sagemaker_gitops.errors import ReleaseInProgress

Progress = Callable[[str], None]


class Clock:
    """The machine's clock; tests take one that need not be waited for."""

    def now(self) -> datetime:
        """Return the present moment in UTC."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)


def acquire(leases: Lease, clock: Clock, *, endpoint: str, owner: str, seconds: float, progress: Progress) -> Held:
    """Take the lease; wait for one that its holder no longer renews, ReleaseInProgress when it is renewed."""
    first: Held | None = None
    while True:
        lease = leases.acquire(endpoint, owner, now=clock.now().timestamp(), seconds=seconds)
        if lease is not None:
            return lease
        holder = leases.holder(endpoint)
        first = first or holder
        if holder and first:
            _wait_for(holder, first, clock, progress)


def _wait_for(holder: Held, first: Held, clock: Clock, progress: Progress) -> None:
    if holder.token != first.token or holder.expires > first.expires:
        raise ReleaseInProgress(
            f"{holder.owner} is changing this endpoint",
            where=f"endpoint {holder.endpoint}, lease {holder.token}",
            next_step="wait for it; `rollback` takes over if it must stop",
        )
    left = max(0.0, holder.expires - clock.now().timestamp())
    progress(f"{holder.owner} holds the lease; looking whether it is alive, {left:.0f} s at most")
    clock.sleep(min(1.0, left + 0.01))


class HeldLease:
    """A lease that is renewed while its holder waits; LeaseLost as soon as somebody took it over."""

    def __init__(self, leases: Lease, clock: Clock, held: Held, *, seconds: float, progress: Progress) -> None:
        self._leases = leases
        self._clock = clock
        self._held = held
        self._seconds = seconds
        self._progress = progress
        self._said = ""
        self._renewed = 0.0

    @property
    def token(self) -> int:
        """The number of this lease, which only grows with the holders."""
        return self._held.token

    def renew(self) -> None:
        """Extend the lease."""
        now = self._clock.now().timestamp()
        self._leases.renew(self._held.endpoint, self._held.token, now=now, seconds=self._seconds)
        self._renewed = now

    def keep(self) -> None:
        """Extend the lease once a third of it has passed."""
        if self._clock.now().timestamp() - self._renewed >= self._seconds / 3:
            self.renew()

    def wait(self, seconds: float, why: str) -> None:
        """Let time pass without losing the lease."""
        if why != self._said:
            self._progress(why)
            self._said = why
        while seconds > 0:
            self._clock.sleep(min(seconds, self._seconds / 3))
            seconds -= self._seconds / 3
            self.keep()
