"""The lease: one holder, and a dead one blocks nobody for long."""

import pytest
from sagemaker_gitops.aws.lease import Held
from sagemaker_gitops.errors import LeaseLost, ReleaseInProgress
from sagemaker_gitops.release.lease import HeldLease, acquire
from tests.engine.release.fake_endpoint import FakeClock
from tests.engine.release.fake_stores import FakeLeases

SECONDS = 60.0


class Alive(FakeClock):
    """A clock under which the holder renews its lease whenever time passes."""

    def __init__(self, leases: FakeLeases) -> None:
        super().__init__()
        self._leases = leases

    def sleep(self, seconds: float) -> None:
        """Let time pass, in which the holder is at work."""
        super().sleep(seconds)
        if held := self._leases.held:
            self._leases.renew(held.endpoint, held.token, now=self.now().timestamp(), seconds=SECONDS)


def take(leases: FakeLeases, clock: FakeClock, owner: str) -> Held:
    """Take the lease as a deploy does."""
    lease = acquire(leases, clock, endpoint="loans-prod", owner=owner, seconds=SECONDS, progress=lambda _: None)
    assert isinstance(lease, Held)
    return lease


def test_free_lease_is_taken_at_once() -> None:
    """Nobody holds it, nobody is waited for."""
    clock = FakeClock()
    before = clock.moment

    take(FakeLeases(), clock, "first")

    assert clock.moment == before


def test_holder_at_work_is_not_disturbed() -> None:
    """Whoever renews the lease is alive: the second deploy stops and says who it is."""
    leases = FakeLeases()
    clock = Alive(leases)
    take(leases, clock, "first")

    with pytest.raises(ReleaseInProgress, match="first is changing"):
        take(leases, clock, "second")


def test_dead_holder_is_outlived() -> None:
    """A lease that is not renewed is taken when it expires, with a higher number."""
    leases, clock = FakeLeases(), FakeClock()
    first = take(leases, clock, "first")

    second = take(leases, clock, "second")

    assert second.token > first.token
    assert clock.now().timestamp() >= first.expires


def test_repeated_run_of_the_same_owner_does_not_wait_for_itself() -> None:
    """A re-run of a killed workflow run goes on at once, and fences the killed one off."""
    leases, clock = FakeLeases(), FakeClock()
    first = take(leases, clock, "run 7")
    before = clock.moment

    second = take(leases, clock, "run 7")

    assert clock.moment == before
    with pytest.raises(LeaseLost):
        leases.renew("loans-prod", first.token, now=0, seconds=1)
    assert second.token == first.token + 1


def test_waiting_holder_keeps_its_lease_and_misses_it_when_it_is_gone() -> None:
    """A bake longer than the lease does not lose it; a takeover is noticed while waiting."""
    leases, clock = FakeLeases(), FakeClock()
    lease = take(leases, clock, "first")
    tenure = HeldLease(leases, clock, lease, seconds=SECONDS, progress=lambda _: None)

    tenure.wait(10 * SECONDS, "baking")

    assert leases.held is not None
    assert leases.held.expires > clock.now().timestamp()
    leases.take_over("loans-prod", "rollback", now=clock.now().timestamp(), seconds=SECONDS)
    with pytest.raises(LeaseLost):
        tenure.wait(SECONDS, "baking")
