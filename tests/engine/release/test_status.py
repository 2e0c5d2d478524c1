"""The state of an environment, from what ledger, endpoint, lease and alarms say."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from sagemaker_gitops.aws.endpoint_shapes import Endpoint, Variant
from sagemaker_gitops.aws.pointers import Published
from sagemaker_gitops.release.ledger import GENESIS, Entry
from sagemaker_gitops.release.state import LedgerState, Promotion, Rollout
from sagemaker_gitops.release.status import Seen, judge
from tests.engine.release.rig import release

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
ONE, TWO = release(1), release(2)


def endpoint(one: float, two: float, status: str = "InService") -> Endpoint:
    """Make an endpoint with two releases and these weights."""
    variants = tuple(
        Variant(name=item.variant, model=item.model, weight=weight, instances=1, instance_type="ml.m6i.large")
        for item, weight in ((ONE, one), (TWO, two))
    )
    return Endpoint(status=status, config="c", failure="no capacity", production=variants)


PROMOTED = Entry(
    environment="prod", sequence=7, action="deploy", outcome="promoted", release=TWO, actor="ada", approver="grace",
    reason="green", started=NOON, finished=NOON, previous=GENESIS,
)  # fmt: skip
SEEN = Seen(
    state=LedgerState(promotions=(Promotion(release=TWO, entry=PROMOTED),), closed=PROMOTED),
    endpoint=endpoint(0, 100),
    holder="",
    alarms={"loans-prod-errors": "OK", "loans-prod-drift": "INSUFFICIENT_DATA"},
    standby_hours=24,
    published=Published(variant=TWO.variant, fingerprint=TWO.fingerprint, sequence=7, fence=3),
)
ROLLOUT = Rollout(kind="deploy", candidate=TWO, champion=ONE, started=NOON)


def test_settled_release_is_told_with_its_word_and_its_standby() -> None:
    """Who brought it, who let it through, since when, and how long the former one stands by."""
    status = judge("prod", SEEN)

    assert (status.health, status.troubles) == ("healthy", ())
    assert (status.version, status.since, status.actor, status.approver) == (2, NOON, "ada", "grace")
    assert (status.standby, status.standby_until) == ((ONE.variant,), NOON + timedelta(hours=24))


def test_environment_before_its_first_release_is_empty() -> None:
    """Neither ledger nor endpoint: nothing is wrong, though the alarms on silence ring."""
    status = judge("prod", replace(SEEN, state=LedgerState(), endpoint=None, alarms={"loans-prod-traffic": "ALARM"}))

    assert (status.health, status.version) == ("empty", None)


def test_release_under_way_is_no_trouble() -> None:
    """While its holder lives, half-moved weights are what is wanted, and nothing is a standby yet."""
    state = replace(SEEN.state, rollout=ROLLOUT)

    status = judge("prod", replace(SEEN, state=state, endpoint=endpoint(90, 10), holder="ada (run 7)"))

    assert (status.health, status.standby) == ("changing", ())


@pytest.mark.parametrize(
    ("seen", "trouble"),
    [
        (replace(SEEN, alarms={"loans-prod-errors": "ALARM"}), "alarm loans-prod-errors"),
        (replace(SEEN, endpoint=None), "the endpoint is gone"),
        (replace(SEEN, endpoint=endpoint(0, 100, "Failed")), "the endpoint is Failed: no capacity"),
        (replace(SEEN, endpoint=endpoint(0, 100, "Updating")), "the endpoint is Updating, and no release is under way"),
        (replace(SEEN, endpoint=endpoint(30, 70)), f"{TWO.variant} has 70 % of the traffic instead of all"),
        (replace(SEEN, state=LedgerState()), "an endpoint serves, and the ledger knows of no release"),
        (
            replace(SEEN, state=replace(SEEN.state, rollout=ROLLOUT)),
            f"the deploy of {TWO.variant} was left unfinished",
        ),
    ],
)
def test_trouble_is_named(seen: Seen, trouble: str) -> None:
    """Whatever keeps an environment from being well is told in a sentence."""
    status = judge("prod", seen)

    assert (status.health, status.troubles) == ("unhealthy", (trouble,))
