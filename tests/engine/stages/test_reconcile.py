"""reconcile: what somebody changed by hand is reported, repaired on request, and written down."""

from dataclasses import replace

import pytest
from sagemaker_gitops.errors import EndpointDrifted
from tests.engine.release.fake_aws import settings_of, variant_of
from tests.engine.stages.staged import Endpoint, deployed


@pytest.fixture
def endpoint() -> Endpoint:
    """Staging after two releases: version 2 serves, version 1 is on standby."""
    return deployed(settings_of(), 1, 2)


def move(endpoint: Endpoint, **shares: float) -> None:
    """Move traffic by hand; v1=30 gives version 1 thirty percent."""
    view = endpoint.aws.endpoints.view
    assert view is not None
    production = tuple(replace(item, weight=shares[item.name.split("-")[0]]) for item in view.production)
    endpoint.aws.endpoints.put(replace(view, production=production))


def test_declared_state_is_told_as_such(endpoint: Endpoint) -> None:
    """Nothing differs after a deploy."""
    assert endpoint.reconcile().outputs["differences"] == "0"


def test_traffic_moved_by_hand_is_reported_without_a_change(endpoint: Endpoint) -> None:
    """The report says who answers and who should; it touches nothing and writes nothing."""
    move(endpoint, v1=30, v2=70)
    calls, entries = list(endpoint.aws.endpoints.calls), endpoint.entries

    with pytest.raises(EndpointDrifted, match=f"weights: declared {variant_of(2)} 100 %") as caught:
        endpoint.reconcile()

    assert "| weights |" in caught.value.summary
    assert (endpoint.aws.endpoints.calls, endpoint.entries) == (calls, entries)


def test_traffic_moved_by_hand_is_given_back(endpoint: Endpoint) -> None:
    """Apply moves weights and nothing else; the ledger says what was found, and who repaired it."""
    move(endpoint, v1=30, v2=70)
    endpoint.aws.endpoints.calls.clear()

    endpoint.reconcile(apply=True)

    assert endpoint.aws.endpoints.calls == ["shift"]
    assert endpoint.aws.weights == {1: 0, 2: 100}
    last = endpoint.entries[-1]
    assert (last.action, last.actor) == ("repair", "operations")
    assert "weights was" in last.reason


def test_standby_that_was_resized_by_hand_is_given_its_size_back(endpoint: Endpoint) -> None:
    """Instances that nobody declared cost money; they go, also while traffic and size differ at once."""
    view = endpoint.aws.endpoints.view
    assert view is not None
    declared = {item.name: item.instances for item in view.production}
    endpoint.aws.endpoints.put(replace(view, production=tuple(replace(item, instances=9) for item in view.production)))
    move(endpoint, v1=30, v2=70)

    endpoint.reconcile(apply=True)

    view = endpoint.aws.endpoints.view
    assert view is not None
    assert {item.name: item.instances for item in view.production} == declared | {variant_of(2): 9}
    assert endpoint.aws.weights == {1: 0, 2: 100}


def test_change_that_was_under_way_is_waited_for_by_the_repair(endpoint: Endpoint) -> None:
    """AWS takes no change of an endpoint that it is changing."""
    move(endpoint, v1=30, v2=70)
    endpoint.aws.endpoints.resize("loan-approval-staging", variant_of(1), 9)

    endpoint.reconcile(apply=True)

    assert endpoint.aws.weights == {1: 0, 2: 100}
    assert endpoint.reconcile().outputs["differences"] == "0"


def test_endpoint_that_was_deleted_is_brought_back(endpoint: Endpoint) -> None:
    """What the ledger's head says must serve is provisioned again from its artefact."""
    endpoint.aws.endpoints.delete("loan-approval-staging")
    assert endpoint.aws.weights == {}

    endpoint.reconcile(apply=True)

    assert endpoint.aws.weights == {2: 100}
    assert endpoint.reconcile().outputs["differences"] == "0"


@pytest.mark.parametrize("actual", ["nothing", "v9-stranger"])
def test_callers_who_are_told_otherwise_are_found_and_told(endpoint: Endpoint, actual: str) -> None:
    """A pointer that is gone, or names another release, is a difference, and repaired under the lease's number."""
    item = endpoint.aws.pointers.item
    assert item is not None
    endpoint.aws.pointers.item = None if actual == "nothing" else replace(item, variant=actual, sequence=1)
    with pytest.raises(EndpointDrifted, match=f"pointer: declared {variant_of(2)}, is {actual}"):
        endpoint.reconcile()

    endpoint.reconcile(apply=True)

    assert endpoint.aws.pointers.item is not None
    assert endpoint.aws.pointers.item.variant == variant_of(2)
    assert endpoint.entries[-1].reason == f"pointer was {actual} instead of {variant_of(2)}"


def test_pointer_is_not_judged_while_a_release_holds_the_lease(endpoint: Endpoint) -> None:
    """Between the ledger's entry and the pointer a release is not over."""
    endpoint.aws.pointers.item = None
    endpoint.aws.lease.take_over("loan-approval-staging", "ci", now=endpoint.aws.clock.now().timestamp(), seconds=60)

    assert endpoint.reconcile().outputs["differences"] == "0"


def test_release_that_is_under_way_is_left_alone(endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    """While somebody holds the lease on an unfinished rollout, nothing is compared."""
    monkeypatch.setattr(endpoint.aws.invocations, "ask", interrupted)
    with pytest.raises(KeyboardInterrupt):
        endpoint.deploy(3)
    now = endpoint.aws.clock.now().timestamp()
    endpoint.aws.lease.take_over("loan-approval-staging", "ci", now=now, seconds=60)

    told = endpoint.reconcile()

    assert "is being changed by ci" in told.summary


def interrupted(endpoint: str, variant: str, body: str) -> None:
    """Stop the process while it asks known rows."""
    raise KeyboardInterrupt
