"""Callers are told after the ledger is, under the lease's number; what they are told steers nothing."""

from dataclasses import replace

import pytest
from sagemaker_gitops.aws.pointers import Published
from sagemaker_gitops.errors import AwsRefused, PermissionMissing
from sagemaker_gitops.release.state import LedgerState
from tests.engine.release.fake_aws import settings_of, variant_of
from tests.engine.release.fake_endpoint import Killed, Killer
from tests.engine.release.rig import Rig, release
from tests.engine.stages.staged import Endpoint, deployed


@pytest.fixture
def endpoint() -> Endpoint:
    """Staging after two releases: version 2 serves, version 1 is on standby."""
    return deployed(settings_of(), 1, 2)


def told(endpoint: Endpoint) -> Published:
    """Return what callers are told."""
    item = endpoint.aws.pointers.item
    assert item is not None
    return item


def test_releases_write_through_and_never_read(endpoint: Endpoint) -> None:
    """Deploy and rollback tell callers under the number of their lease, and ask the ledger alone."""
    after_deploy = told(endpoint)

    endpoint.rollback()

    assert after_deploy.variant == variant_of(2)
    assert told(endpoint).variant == variant_of(1)
    assert told(endpoint).sequence == endpoint.entries[-1].sequence
    assert told(endpoint).fence > after_deploy.fence
    assert endpoint.aws.pointers.reads == 0


@pytest.mark.parametrize("failure", [AwsRefused("throttled"), PermissionMissing("no grant")])
def test_release_does_not_depend_on_the_pointer(endpoint: Endpoint, failure: Exception) -> None:
    """A rollback happens although callers cannot be told; reconcile finds it, and repairs it on request."""
    endpoint.aws.pointers.failure = failure
    endpoint.rollback()
    assert endpoint.aws.weights == {1: 100, 2: 0}
    assert told(endpoint).variant == variant_of(2)
    endpoint.aws.pointers.failure = None

    endpoint.reconcile(apply=True)

    assert told(endpoint).variant == variant_of(1)
    assert endpoint.reconcile().outputs["differences"] == "0"


def test_older_number_never_overwrites_a_newer_one() -> None:
    """Whoever lost the lease tells callers nothing more, and says so."""
    rig = Rig()
    rig.run(1)
    assert rig.aws.pointers.item is not None
    rig.aws.pointers.item = replace(rig.aws.pointers.item, fence=9, variant="newer")

    rig.run(2)

    assert rig.aws.pointers.item.variant == "newer"
    assert any("later holder" in line for line in rig.said)


def test_killed_between_ledger_and_pointer_the_next_run_tells() -> None:
    """The ledger says who serves; the same command once more makes up for what callers were not told."""
    count = Killer()
    undisturbed = Rig()
    undisturbed.run(1)
    undisturbed.run(2, killer=count)
    rig = Rig()
    rig.run(1)
    with pytest.raises(Killed):
        rig.run(2, killer=Killer(count.count, before=True))
    assert rig.state.serving == release(2)
    assert rig.aws.pointers.item is not None
    assert rig.aws.pointers.item.variant == release(1).variant

    rig.run_again(2)

    assert rig.aws.pointers.item.variant == release(2).variant


def test_nothing_is_published_where_nothing_serves() -> None:
    """Before the first release there is no pointer, and none is missed."""
    assert LedgerState().wrongly_published(None) == ""
