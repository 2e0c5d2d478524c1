"""drill: staging goes back and forward, both are measured, and the ledger keeps the times."""

import pytest
from sagemaker_gitops.errors import ConfigurationError, DrillTooSlow, RollbackRefused
from tests.engine.release import fake_endpoint
from tests.engine.release.fake_aws import settings_of
from tests.engine.release.fake_endpoint import PROVISION_SECONDS, SHIFT_SECONDS
from tests.engine.stages.staged import deployed


def test_drill_goes_back_and_forward_and_is_written_down() -> None:
    """The release that served serves again; in between the former one answered, warm, in the time that it tells."""
    endpoint = deployed(settings_of(), 1, 2)
    endpoint.aws.endpoints.seen.clear()

    told = endpoint.drill()

    assert endpoint.aws.weights == {1: 0, 2: 100}
    assert [max(seen, key=lambda name: seen[name])[:2] for seen in endpoint.aws.endpoints.seen] == ["v1", "v2"]
    assert told.outputs["warm"] == "true"
    assert SHIFT_SECONDS <= float(told.outputs["rollback_seconds"]) < PROVISION_SECONDS
    actions = [(entry.action, entry.outcome) for entry in endpoint.entries if entry.action != "step"][-5:]
    assert actions == [
        ("rollback", "started"),
        ("rollback", "promoted"),
        ("deploy", "started"),
        ("deploy", "promoted"),
        ("drill", "succeeded"),
    ]
    assert f"warm rollback in {told.outputs['rollback_seconds']} s" in endpoint.entries[-1].reason


def test_cold_drill_says_so() -> None:
    """Without a standby the drill brings up a fleet, and its time tells."""
    endpoint = deployed(settings_of(), 1, 2)
    endpoint.clean_at_once()

    told = endpoint.drill()

    assert told.outputs["warm"] == "false"
    assert float(told.outputs["rollback_seconds"]) >= PROVISION_SECONDS
    assert "cold rollback" in endpoint.entries[-1].reason
    assert endpoint.aws.weights == {1: 0, 2: 100}


def test_drill_slower_than_promised_fails_and_is_written_down(monkeypatch: pytest.MonkeyPatch) -> None:
    """A way back of more than five minutes is a finding, not a success."""
    endpoint = deployed(settings_of(), 1, 2)
    endpoint.clean_at_once()
    monkeypatch.setattr(fake_endpoint, "PROVISION_SECONDS", 900)

    with pytest.raises(DrillTooSlow, match="300 s are promised"):
        endpoint.drill()

    assert (endpoint.entries[-1].action, endpoint.entries[-1].outcome) == ("drill", "failed")
    assert endpoint.aws.weights == {1: 0, 2: 100}


def test_production_is_no_place_to_practise() -> None:
    """A drill moves callers to another release."""
    endpoint = deployed(settings_of("prod", DEPLOY__STRATEGY="all_at_once"), 1, 2)

    with pytest.raises(ConfigurationError, match="prod is not the place"):
        endpoint.drill()

    assert endpoint.aws.weights == {1: 0, 2: 100}


def test_drill_needs_two_releases() -> None:
    """There has to be somewhere to go back to."""
    endpoint = deployed(settings_of(), 1)

    with pytest.raises(RollbackRefused, match="two releases"):
        endpoint.drill()
