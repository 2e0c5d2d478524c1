"""Killed runners, rivals and a moody AWS, on real processes."""

import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

import pytest
from sagemaker_gitops.errors import CandidateRejected, CredentialsMissing, LeaseLost, LedgerBroken, ReleaseInProgress
from tests.engine.release.live.plant import HERE, Plant, finished

_MAX_CHANGES = 60


def sequences(entries: list[dict[str, Any]]) -> list[int]:
    """List the numbers of entries."""
    return [entry["sequence"] for entry in entries]


def assert_whole(plant: Plant) -> None:
    """Expect a gap-free ledger without a trace of tampering."""
    entries = plant.entries()
    assert sequences(entries) == list(range(1, len(entries) + 1))
    verified = plant.run("verify-ledger", "--env", "prod")
    assert verified.exit_code == 0, verified.stderr


def test_deploy_killed_after_each_change_converges(serving: Plant) -> None:
    """SIGKILL after the 1st, 2nd, … change until a deploy outlives it; each is followed by the same command again."""
    # Three in turn: none is on standby when its turn comes, so that each deploy brings up a fleet.
    names, deaths = ["better", "third", "good"], 0
    for after in range(1, _MAX_CHANGES):
        name = names[deaths % 3]
        words = (*serving.deploy_words(name), "--actor", "runner")
        # Nobody calls here, so a switch without a bake is what can be repeated quickly.
        calm = {"PIPELINE__DEPLOY__STRATEGY": "blue_green", "PIPELINE__DEPLOY__BAKE_SECONDS": "0"}
        same_run = {"GITHUB_RUN_ID": str(after), "GITHUB_REPOSITORY": "example/loans"}
        killed = serving.spawn(
            [sys.executable, str(HERE / "killed.py"), *words],
            KILLED_AFTER=str(after),
            PYTHONPATH=str(serving.root),
            **calm,
            **same_run,
        )
        killed.communicate(timeout=60)
        if killed.returncode != -signal.SIGKILL:
            break
        deaths += 1
        again = serving.run(*words, **calm, **same_run)
        assert again.exit_code == 0, f"killed after change {after}: {again.stderr}"
        served = [variant for variant, weight in serving.weights().items() if weight]
        assert [variant.split("-")[0] for variant in served] == [f"v{serving.versions[name]}"]
    print(f"killed {deaths} times")  # noqa: T201
    assert deaths > 12
    assert_whole(serving)


def test_of_two_deploys_at_once_one_wins(serving: Plant) -> None:
    """The loser says who is at work and leaves everything to the winner."""
    # Longer than a slow machine needs to start the second process.
    bake = {"PIPELINE__DEPLOY__BAKE_SECONDS": "15", "PIPELINE__DEPLOY__STRATEGY": "canary"}
    with serving.callers() as callers:
        rivals = {name: serving.start(*serving.deploy_words(name), **bake) for name in ("better", "third")}
        told = {name: finished(process) for name, process in rivals.items()}

    codes = {name: answer.exit_code for name, answer in told.items()}
    assert sorted(codes.values()) == [0, ReleaseInProgress.exit_code], [answer.stderr for answer in told.values()]
    winner, loser = sorted(codes, key=lambda name: codes[name])
    assert callers.lost() == []
    assert callers.answers[-1].version == str(serving.versions[winner])
    assert str(serving.versions[loser]) not in {answer.version for answer in callers.answers}
    assert_whole(serving)


def test_rollback_takes_over_a_running_deploy(serving: Plant) -> None:
    """The rollback wins, the deploy stops with an error of its own, and the ledger tells both."""
    with serving.callers() as callers:
        deploy = serving.start(*serving.deploy_words("better"), PIPELINE__DEPLOY__BAKE_SECONDS="60")
        _wait_for(serving, "10 %")
        rollback = serving.run("rollback", "--env", "prod", "--reason", "customers complain", "--actor", "operator")
        stopped = finished(deploy)

    assert rollback.exit_code == 0, rollback.stderr
    assert stopped.exit_code == LeaseLost.exit_code, stopped.stderr
    assert callers.lost() == []
    assert callers.answers[-1].version == str(serving.versions["good"])
    closing = serving.entries()[-1]
    assert (closing["action"], closing["outcome"], closing["actor"]) == ("deploy", "rolled_back", "operator")
    assert "customers complain" in closing["reason"]
    assert_whole(serving)


@pytest.fixture
def faults(plant: Plant) -> Iterator[Plant]:
    """Lift every fault after the test."""
    yield plant
    plant.start("local", "fault", "clear").communicate(timeout=30)


def fault(plant: Plant, *words: str) -> None:
    """Put a fault in force."""
    process = plant.start("local", "fault", *words)
    _, stderr = process.communicate(timeout=30)
    assert process.returncode == 0, stderr


@pytest.mark.parametrize(
    "words",
    [("throttle", "--rate", "0.5"), ("5xx", "--rate", "0.2"), ("stale", "--rate", "0.7", "--seconds", "2")],
    ids=lambda words: words[0],
)
def test_deploy_gets_through_a_moody_aws(serving: Plant, faults: Plant, words: tuple[str, ...]) -> None:
    """Throttled, failing or late answers: the deploy completes or rolls back, and is never half done."""
    fault(faults, *words)

    told = serving.deploy("better", "blue_green", PIPELINE__DEPLOY__BAKE_SECONDS="0")

    faults.start("local", "fault", "clear").communicate(timeout=30)
    assert told.exit_code in {0, CandidateRejected.exit_code}, told.stderr
    serves = "better" if told.exit_code == 0 else "good"
    weights = {name.split("-")[0]: weight for name, weight in serving.weights().items() if weight}
    assert list(weights) == [f"v{serving.versions[serves]}"]
    assert serving.entries()[-1]["outcome"] == ("promoted" if serves == "better" else "rolled_back")
    assert_whole(serving)


def test_endpoint_that_fails_brings_the_champion_back(serving: Plant, faults: Plant) -> None:
    """A fleet that does not come up ends the deploy, and the champion serves."""
    fault(faults, "endpoint-failed", "--operation", "UpdateEndpoint")

    told = serving.deploy("better", "canary")

    assert told.exit_code == CandidateRejected.exit_code, told.stderr
    faults.start("local", "fault", "clear").communicate(timeout=30)
    with serving.callers() as callers:
        pass
    assert {answer.version for answer in callers.answers} == {str(serving.versions["good"])}
    assert_whole(serving)


def test_credentials_that_expire_midway_leave_a_deploy_that_continues(serving: Plant, faults: Plant) -> None:
    """The run stops and says so; with fresh credentials the same command ends it."""
    with serving.callers() as callers:
        deploy = serving.start(*serving.deploy_words("better"), PIPELINE__DEPLOY__BAKE_SECONDS="60")
        _wait_for(serving, "10 %")
        fault(faults, "expired-credentials", "--operation", "DescribeEndpoint")
        stopped = finished(deploy)
        faults.start("local", "fault", "clear").communicate(timeout=30)
        again = serving.deploy("better", "canary")

    assert stopped.exit_code == CredentialsMissing.exit_code, stopped.stderr
    assert again.exit_code == 0, again.stderr
    assert callers.lost() == []
    assert callers.answers[-1].version == str(serving.versions["better"])
    assert_whole(serving)


def test_abandoned_deploy_is_ended_by_reconcile(serving: Plant) -> None:
    """A runner that never comes back leaves a half-moved endpoint; the schedule's repair gives it to the champion."""
    with serving.callers():
        deploy = serving.start(*serving.deploy_words("better"), PIPELINE__DEPLOY__BAKE_SECONDS="60")
        _wait_for(serving, "10 %")
        deploy.kill()
        deploy.communicate(timeout=30)
        time.sleep(float(serving.environ["PIPELINE__DEPLOY__LEASE_SECONDS"]) + 0.5)

        reported = serving.run("reconcile", "--env", "prod")
        repaired = serving.run("reconcile", "--env", "prod", "--apply")

    assert "left unfinished" in reported.error
    assert repaired.exit_code == 0, repaired.stderr
    served = {variant.split("-")[0]: weight for variant, weight in serving.weights().items()}
    assert served[f"v{serving.versions['good']}"] == 100
    assert_whole(serving)


def test_change_by_hand_is_reported_and_repaired(serving: Plant) -> None:
    """Weights that somebody moved in the console are found, and moved back on request."""
    serving.deploy("better", "all_at_once")
    good, better = (f"v{serving.versions[name]}-" for name in ("good", "better"))
    names = {name[: name.index("-") + 1]: name for name in serving.weights()}
    serving.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName="loan-approval-prod",
        DesiredWeightsAndCapacities=[
            {"VariantName": names[good], "DesiredWeight": 60},
            {"VariantName": names[better], "DesiredWeight": 40},
        ],
    )
    time.sleep(1)

    reported = serving.run("reconcile", "--env", "prod")
    repaired = serving.run("reconcile", "--env", "prod", "--apply")

    assert "weights" in reported.error
    assert repaired.exit_code == 0, repaired.stderr
    assert serving.weights()[names[better]] == 100
    settled = serving.run("reconcile", "--env", "prod")
    assert settled.exit_code == 0, settled.error


def test_prediction_leads_to_its_release(serving: Plant) -> None:
    """From an id that a caller got to the release that answered, and to who let it."""
    with serving.callers() as callers:
        told = serving.deploy("better", "canary", GITHUB_ACTOR="alice")
    assert told.exit_code == 0, told.stderr
    early, late = callers.answers[0], callers.answers[-1]
    time.sleep(2)

    for answer, name in ((early, "good"), (late, "better")):
        found = serving.run("who-served", "--env", "prod", answer.inference_id)

        assert found.exit_code == 0, found.stderr
        assert found.outputs["version"] == str(serving.versions[name])
        assert found.outputs["commit"]
        assert found.outputs["ledger_entry"]
    assert found.outputs["released_by"] == "alice"


def test_tampering_with_the_table_is_found(serving: Plant) -> None:
    """One altered letter in DynamoDB, and verify-ledger says which entry."""
    dynamodb = serving.client("dynamodb")
    key = {"environment": {"S": "prod"}, "sequence": {"N": "2"}}
    entry = dynamodb.get_item(TableName="loan-approval-ledger-prod", Key=key)["Item"]["entry"]["S"]
    forged = entry.replace('"actor":"', '"actor":"x')
    dynamodb.put_item(TableName="loan-approval-ledger-prod", Item={**key, "entry": {"S": forged}})

    told = serving.run("verify-ledger", "--env", "prod")

    dynamodb.put_item(TableName="loan-approval-ledger-prod", Item={**key, "entry": {"S": entry}})
    assert told.exit_code == LedgerBroken.exit_code
    assert "entry 2 was altered" in told.error
    assert_whole(serving)


def _wait_for(plant: Plant, word: str) -> None:
    """Wait until the newest confirmed step of the ledger has a word in its name."""
    deadline = time.monotonic() + 40
    while time.monotonic() < deadline:
        newest = plant.entries()[-1]
        if newest["action"] == "step" and (word in newest["reason"] or word == "step"):
            return
    raise AssertionError(f"no step {word!r} was reached")
