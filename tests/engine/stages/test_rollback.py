"""rollback: where to, what is refused, what force keeps in the ledger, and what a dry run shows."""

import json

import pytest
from sagemaker_gitops.aws.invocations import Answer
from sagemaker_gitops.errors import CandidateRejected, ConfigurationError, EndpointDrifted, NotApproved, RollbackRefused
from sagemaker_gitops.release.ledger import EntryAction
from sagemaker_gitops.release.session import open_ledger, release_of
from sagemaker_gitops.release.writer import Author, NewEntry
from sagemaker_gitops.stages import approve, rollback
from tests.engine.release.fake_aws import FINGERPRINTS, settings_of, variant_of
from tests.engine.stages.staged import Endpoint, deployed


@pytest.fixture
def endpoint() -> Endpoint:
    """Staging after versions 1, 2 and 3: version 3 serves, version 2 is on standby."""
    return deployed(settings_of(), 1, 2, 3)


def started(endpoint: Endpoint, action: EntryAction, version: int) -> None:
    """Write down that a rollout began, by a run that died."""
    settings, services = endpoint.settings, endpoint.aws.services
    release = release_of(settings, services.registry.describe(version))
    notes = open_ledger(settings, services, Author(actor="dead"), clock=endpoint.aws.clock)
    reason = "error rate: 20 of 200" if action == "abort" else ""
    notes.write(NewEntry(action=action, outcome="started", release=release, strategy="all_at_once", reason=reason))


@pytest.mark.parametrize(
    ("to", "version", "warm"),
    [("previous", 2, "true"), ("1", 1, "false"), ("2", 2, "true"), ("1abcdef", 1, "false")],
    ids=["previous", "older version", "standby by version", "commit"],
)
def test_target_is_previous_a_version_or_a_commit(endpoint: Endpoint, to: str, version: int, warm: str) -> None:
    """Each names a release that served; it answers everybody, and the ledger says who wanted it and why."""
    told = endpoint.rollback(to=to)

    assert (told.outputs["version"], told.outputs["warm"]) == (str(version), warm)
    assert endpoint.aws.weights == {3: 0, version: 100}
    last = endpoint.entries[-1]
    assert (last.action, last.outcome, last.actor) == ("rollback", "promoted", "operator")
    assert last.reason == "refuses good applications"


def test_warm_rollback_moves_weights_and_nothing_else(endpoint: Endpoint) -> None:
    """While the former release is on standby, AWS is asked for one shift of traffic."""
    endpoint.aws.endpoints.calls.clear()

    endpoint.rollback()

    assert endpoint.aws.endpoints.calls == ["shift"]


def test_cold_rollback_brings_up_a_fleet_first(endpoint: Endpoint) -> None:
    """A release whose standby was retired is provisioned beside the one that serves, then gets its traffic."""
    endpoint.clean_at_once()
    endpoint.aws.endpoints.calls.clear()

    told = endpoint.rollback()

    assert told.outputs["warm"] == "false"
    assert endpoint.aws.endpoints.calls == ["update", "shift"]
    assert endpoint.aws.weights == {3: 0, 2: 100}


@pytest.mark.parametrize("to", ["7", "1abc", "ffffffff"], ids=["version", "too short a commit", "commit"])
def test_release_that_never_served_is_refused(endpoint: Endpoint, to: str) -> None:
    """A rollback goes back, never forward to something new."""
    with pytest.raises(RollbackRefused, match="has ever served"):
        endpoint.rollback(to=to)

    assert endpoint.aws.weights == {2: 0, 3: 100}


def test_first_release_has_nothing_before_it() -> None:
    """There is no previous release after one deploy."""
    alone = deployed(settings_of(), 1)

    with pytest.raises(RollbackRefused, match="no earlier release"):
        alone.rollback()


def test_revoked_version_is_refused_and_the_refusal_is_kept(endpoint: Endpoint) -> None:
    """What a person revoked does not come back, nor is it deployed; the ledger keeps that somebody tried."""
    endpoint.revoke(2)

    with pytest.raises(RollbackRefused, match="version 2 was revoked: risk: biased"):
        endpoint.rollback()

    assert endpoint.aws.weights == {2: 0, 3: 100}
    last = endpoint.entries[-1]
    assert (last.action, last.outcome) == ("refuse", "refused")
    assert "revoked" in last.reason
    with pytest.raises(NotApproved, match="revoked"):
        endpoint.deploy(2)


def test_version_that_failed_its_gates_is_refused(endpoint: Endpoint) -> None:
    """A verdict that came after the release holds for the way back, too."""
    endpoint.aws.registry.fail_gates(2)

    with pytest.raises(RollbackRefused, match="version 2 failed its gates"):
        endpoint.rollback()

    assert endpoint.aws.weights == {2: 0, 3: 100}


def test_forced_rollback_keeps_what_was_overridden_and_why(endpoint: Endpoint) -> None:
    """Force brings a revoked version back; the ledger says over what objection, by whom and for which reason."""
    endpoint.revoke(2)

    endpoint.rollback(force=True)

    assert endpoint.aws.weights == {3: 0, 2: 100}
    kept = [entry.reason for entry in endpoint.entries if entry.action == "rollback"]
    assert set(kept) == {"forced, although version 2 was revoked: risk: biased: refuses good applications"}


def test_force_without_an_objection_leaves_no_trace(endpoint: Endpoint) -> None:
    """A rollback that nothing spoke against was not forced."""
    endpoint.rollback(force=True)

    assert endpoint.entries[-1].reason == "refuses good applications"


def test_alarm_of_the_serving_variant_rolls_back(endpoint: Endpoint) -> None:
    """The ledger keeps which alarm it was, and what it said."""
    alarm = f"loan-approval-staging-{variant_of(3)}-errors"

    endpoint.respond(alarm=alarm)

    assert endpoint.aws.weights == {3: 0, 2: 100}
    assert endpoint.entries[-1].reason == f"alarm {alarm}: refuses good applications"


def test_alarm_of_a_candidate_that_is_gone_leaves_the_champion(endpoint: Endpoint) -> None:
    """The deploy has rolled its candidate back already; the same errors ring a minute later."""
    endpoint.aws.invocations.answer = Answer(status=500, body="boom", attributes={})
    with pytest.raises(CandidateRejected):
        endpoint.deploy(4)

    with pytest.raises(RollbackRefused, match=f"about {variant_of(4)}, but {variant_of(3)} is what serves"):
        endpoint.respond(alarm=f"loan-approval-staging-{variant_of(4)}-errors")

    assert endpoint.aws.weights == {3: 100, 4: 0}
    assert endpoint.entries[-1].action == "refuse"
    assert "-errors: refuses good applications)" in endpoint.entries[-1].reason


def test_event_that_comes_twice_goes_back_once(endpoint: Endpoint) -> None:
    """EventBridge delivers at least once; the second time nothing is known below, however long ago the first was."""
    endpoint.respond()
    endpoint.pass_hours(48)

    with pytest.raises(RollbackRefused, match="no earlier release that is known to be good"):
        endpoint.respond()

    assert endpoint.aws.weights == {3: 0, 2: 100}
    assert (endpoint.entries[-1].action, endpoint.entries[-1].outcome) == ("refuse", "refused")


def test_event_after_the_first_release_is_refused_in_writing() -> None:
    """There is nothing to go back to, and the ledger says that somebody asked."""
    alone = deployed(settings_of(), 1)

    with pytest.raises(RollbackRefused, match="no earlier release that is known to be good"):
        alone.respond()

    assert (alone.entries[-1].action, alone.entries[-1].outcome) == ("refuse", "refused")


def test_events_keep_the_cool_down_and_persons_need_not(endpoint: Endpoint) -> None:
    """A release that came after a rollback is not taken back by an event before six hours have passed."""
    endpoint.rollback()
    endpoint.deploy(4)

    with pytest.raises(RollbackRefused, match="it cools down"):
        endpoint.respond()
    assert endpoint.aws.weights == {2: 0, 4: 100}
    endpoint.rollback()

    assert endpoint.aws.weights == {4: 0, 2: 100}


def test_events_roll_back_so_often_a_day(endpoint: Endpoint) -> None:
    """The third one within 24 hours is refused, and allowed when the first is a day old."""
    endpoint.respond()
    endpoint.deploy(4)
    endpoint.pass_hours(7)
    endpoint.respond()
    endpoint.deploy(5)
    endpoint.pass_hours(7)

    with pytest.raises(RollbackRefused, match="2 in the last 24 hours; 2 are allowed"):
        endpoint.respond()
    endpoint.pass_hours(11)
    endpoint.respond()

    assert endpoint.aws.weights == {5: 0, 2: 100}


def test_finding_of_the_monitor_leaves_a_release_that_is_being_tried_alone(endpoint: Endpoint) -> None:
    """It is about the release before, which the candidate may be the cure of; an alarm of the candidate is not."""
    started(endpoint, "deploy", 4)

    with pytest.raises(RollbackRefused, match="version 4 is being tried"):
        endpoint.respond()
    endpoint.respond(alarm=f"loan-approval-staging-{variant_of(4)}-latency")

    assert endpoint.aws.weights == {2: 0, 3: 100}
    assert endpoint.entries[-1].outcome == "rolled_back"


@pytest.mark.parametrize("kind", ["deploy", "rollback"])
def test_rollback_after_an_abort_that_died_succeeds(endpoint: Endpoint, kind: EntryAction) -> None:
    """Whatever reason a dead process left behind, a rollback after which its target serves has not failed."""
    started(endpoint, kind, 2)
    started(endpoint, "abort", 2)

    told = endpoint.rollback(to="2" if kind == "rollback" else "3")

    version = 2 if kind == "rollback" else 3
    assert told.outputs["version"] == str(version)
    assert endpoint.aws.weights[version] == 100


@pytest.mark.parametrize("unattended", [True, False])
def test_rollback_that_died_on_its_way_is_continued(endpoint: Endpoint, unattended: bool) -> None:
    """Previous then means where it was going, not the release that it was leaving."""
    started(endpoint, "rollback", 2)

    if unattended:
        endpoint.respond()
    else:
        endpoint.rollback()

    assert endpoint.aws.weights == {3: 0, 2: 100}
    assert [entry.outcome for entry in endpoint.entries if entry.action == "rollback"] == ["started", "promoted"]


def test_event_leaves_a_rollback_to_whoever_is_at_it(endpoint: Endpoint) -> None:
    """An alarm that rings while a person goes back to version 1 takes nothing from them, and its refusal is kept."""
    started(endpoint, "rollback", 1)
    lease, moment = endpoint.aws.services.lease, endpoint.aws.clock.moment.timestamp()
    held = lease.acquire(endpoint.settings.endpoint_name, "operator (run 7)", now=moment, seconds=60)
    assert held

    with pytest.raises(RollbackRefused, match=r"operator \(run 7\) is rolling back to version 1"):
        endpoint.respond()

    lease.renew(endpoint.settings.endpoint_name, held.token, now=moment, seconds=60)
    assert endpoint.entries[-1].outcome == "refused"


def test_event_finishes_what_a_person_began_and_not_its_own_idea(endpoint: Endpoint) -> None:
    """When the person's run died, the event brings version 1 back, as they said, not the previous one."""
    started(endpoint, "rollback", 1)

    told = endpoint.respond()

    assert told.outputs["version"] == "1"


def test_person_takes_over_what_an_event_began(endpoint: Endpoint) -> None:
    """A person's word beats an alarm's: the event's rollback to version 2 ends, version 1 answers."""
    started(endpoint, "rollback", 2)
    moment = endpoint.aws.clock.moment.timestamp()
    endpoint.aws.services.lease.acquire(endpoint.settings.endpoint_name, "an event", now=moment, seconds=60)

    told = endpoint.rollback(to="1")

    assert told.outputs["version"] == "1"
    assert endpoint.aws.weights[1] == 100


def test_rollback_without_a_reason_is_refused(endpoint: Endpoint) -> None:
    """An auditor reads the reason; forced or not, it cannot be empty."""
    options = rollback.Options(reason=" ", actor="operator", force=True)

    with pytest.raises(ConfigurationError, match="needs a reason"):
        rollback.run(endpoint.settings, endpoint.aws.services, options)


@pytest.mark.parametrize("cleaned", [False, True], ids=["warm", "cold"])
@pytest.mark.parametrize("to", ["2", "1"])
def test_dry_run_shows_what_the_rollback_then_does(endpoint: Endpoint, to: str, cleaned: bool) -> None:
    """Traffic and temperature are foretold; endpoint and ledger stay as they were."""
    if cleaned:
        endpoint.clean_at_once()
    before, weights, entries = list(endpoint.aws.endpoints.calls), endpoint.aws.weights, endpoint.entries

    shown = endpoint.rollback(to=to, dry_run=True)

    assert (endpoint.aws.endpoints.calls, endpoint.aws.weights, endpoint.entries) == (before, weights, entries)
    done = endpoint.rollback(to=to)
    view = endpoint.aws.endpoints.view
    assert view is not None
    assert json.loads(shown.outputs["traffic"]) == {item.name: item.weight for item in view.production}
    assert shown.outputs["warm"] == done.outputs["warm"]


def test_dry_run_names_the_variant_that_would_go(endpoint: Endpoint) -> None:
    """An endpoint holds two releases: the standby makes room for the one that comes back."""
    shown = endpoint.rollback(to="1", dry_run=True)

    assert f"| {variant_of(2)} | 0 % | not there |" in shown.summary
    assert f"| {variant_of(1)} | not there | 100 % |" in shown.summary


def test_dry_run_of_a_refused_rollback_is_refused_without_a_trace(endpoint: Endpoint) -> None:
    """It says what would be refused, and does not write that somebody tried."""
    endpoint.revoke(2)
    entries = endpoint.entries

    with pytest.raises(RollbackRefused, match="revoked"):
        endpoint.rollback(dry_run=True)

    assert endpoint.entries == entries


def test_serving_version_that_is_revoked_is_reported(endpoint: Endpoint) -> None:
    """Revoking moves no traffic by itself; reconcile says every hour that a person has to."""
    endpoint.revoke(3)

    with pytest.raises(EndpointDrifted, match="version 3 was revoked: risk: biased"):
        endpoint.reconcile()


def test_approving_again_lifts_a_revocation(endpoint: Endpoint) -> None:
    """A decision in the registry is taken back by the next one."""
    endpoint.revoke(2)
    again = approve.Options(version=2, approver="risk", reason="bias was a false alarm")
    approve.run(endpoint.settings, endpoint.aws.services, again)

    told = endpoint.rollback()

    assert told.outputs["fingerprint"] == FINGERPRINTS[2]
