"""Taking the right to change an endpoint: one holder, and a dead one does not block for long."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from sagemaker_gitops.errors import ReleaseInProgress
from sagemaker_gitops.release.ports import Clock, Leases, LeaseView


@contextmanager
def held(
    leases: Leases, clock: Clock, *, endpoint: str, owner: str, seconds: float, progress: Callable[[str], None]
) -> Iterator[LeaseView]:
    """Hold the lease of an endpoint, and give it back at the end."""
    lease = acquire(leases, clock, endpoint=endpoint, owner=owner, seconds=seconds, progress=progress)
    try:
        yield lease
    finally:
        leases.release(endpoint, lease.token)


def acquire(
    leases: Leases, clock: Clock, *, endpoint: str, owner: str, seconds: float, progress: Callable[[str], None]
) -> LeaseView:
    """Take the lease; wait for one that its holder no longer renews, refuse one that is alive."""
    first: LeaseView | None = None
    while True:
        lease = leases.acquire(endpoint, owner, now=clock.now().timestamp(), seconds=seconds)
        if lease is not None:
            return lease
        first = first or leases.holder(endpoint)
        _wait(leases, clock, first, endpoint=endpoint, progress=progress)


def _wait(
    leases: Leases, clock: Clock, first: LeaseView | None, *, endpoint: str, progress: Callable[[str], None]
) -> None:
    holder = leases.holder(endpoint)
    if holder is None or first is None:
        return
    if holder.token != first.token or holder.expires > first.expires:
        raise ReleaseInProgress(
            f"{holder.owner} is changing this endpoint",
            where=f"endpoint {endpoint}, lease {holder.token}",
            next_step="wait for it; `rollback` takes over if it must stop",
        )
    left = max(0.0, holder.expires - clock.now().timestamp())
    progress(f"{holder.owner} holds the lease; looking whether it is alive, {left:.0f} s at most")
    clock.sleep(min(1.0, left + 0.01))


class Tenure:
    """A lease being held: renewed while its holder waits, and missed as soon as it is gone."""

    def __init__(
        self, leases: Leases, clock: Clock, lease: LeaseView, *, seconds: float, progress: Callable[[str], None]
    ) -> None:
        self._leases = leases
        self._clock = clock
        self._lease = lease
        self._seconds = seconds
        self._progress = progress
        self._said = ""
        self._renewed = 0.0

    def renew(self) -> None:
        """Extend the lease; LeaseLost when somebody took over."""
        now = self._clock.now().timestamp()
        self._leases.renew(self._lease.endpoint, self._lease.token, now=now, seconds=self._seconds)
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
