"""clean: a standby goes when its time is over, with what it cost; the champion never does."""

from tests.engine.release.fake_aws import settings_of, variant_of
from tests.engine.stages.staged import deployed


def test_standby_stays_for_its_time() -> None:
    """Before standby_hours are over nothing is touched, and it says until when."""
    endpoint = deployed(settings_of(DEPLOY__STANDBY_HOURS="4"), 1, 2)
    endpoint.pass_hours(3.5)

    told = endpoint.clean()

    assert "stays on standby until" in told.summary
    assert endpoint.aws.weights == {1: 0, 2: 100}


def test_expired_standby_goes_and_its_cost_is_kept() -> None:
    """The champion alone remains with all traffic; what the standby cost is told and in the ledger."""
    endpoint = deployed(settings_of(DEPLOY__STANDBY_HOURS="4", DEPLOY__INSTANCE_PRICE_PER_HOUR="0.12"), 1, 2)
    endpoint.pass_hours(5)

    told = endpoint.clean()

    assert told.outputs["retired"] == variant_of(1)
    assert told.outputs["cost"] == "5.0 instance hours of ml.m6i.large, 0.60 USD"
    assert endpoint.aws.weights == {2: 100}
    last = endpoint.entries[-1]
    assert (last.action, last.outcome) == ("clean", "succeeded")
    assert "5.0 instance hours" in last.reason


def test_champion_is_never_removed() -> None:
    """However long it has served, and however often the cleaner comes."""
    endpoint = deployed(settings_of(), 1, 2)
    for _ in range(3):
        endpoint.pass_hours(1000)
        endpoint.clean()

    told = endpoint.clean()

    assert "no standby to retire" in told.summary
    assert endpoint.aws.weights == {2: 100}


def test_callers_are_answered_by_the_champion_throughout() -> None:
    """At no moment does the cleaning give the champion less than all."""
    endpoint = deployed(settings_of(), 1, 2)
    endpoint.pass_hours(1000)
    endpoint.aws.endpoints.seen.clear()

    endpoint.clean()

    assert all(seen[variant_of(2)] == 100 for seen in endpoint.aws.endpoints.seen)


def test_release_after_a_rollback_stands_by_from_then() -> None:
    """The release that was rolled back from is the standby now, and its time begins at the rollback."""
    endpoint = deployed(settings_of(DEPLOY__STANDBY_HOURS="4"), 1, 2)
    endpoint.pass_hours(3)
    endpoint.rollback()
    endpoint.pass_hours(3)

    early = endpoint.clean()
    endpoint.pass_hours(2)
    late = endpoint.clean()

    assert early.outputs["retired"] == ""
    assert late.outputs["retired"] == variant_of(2)
    assert endpoint.aws.weights == {1: 100}
