"""AWS's own guardrails: a canary within one variant, and a rollback that AWS does without a word."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from pipeline.errors import CandidateRejected
from pipeline.release.state import NATIVE_VARIANT
from pipeline.tests.release.live.plant import ENDPOINT, Plant

# Simulated seconds: the embedded AWS bakes for three real ones, in which the alarm is evaluated a dozen times.
GUARDED = {"PIPELINE__DEPLOY__BAKE_SECONDS": "1800"}
ALARM = f"{ENDPOINT}-{NATIVE_VARIANT}-errors"


@pytest.fixture
def native(serving: Plant) -> Iterator[Plant]:
    """Have prod deploy under AWS's guardrails, watched by the alarm that each release brings with it."""
    path = serving.root / "infra/config/prod.json"
    before = path.read_text()
    document = json.loads(before)
    document["deploy"] |= {
        "strategy": "native",
        "native": {"routing": "canary", "alarms": [f"{NATIVE_VARIANT}-errors"]},
    }
    path.write_text(json.dumps(document))
    yield serving
    path.write_text(before)


def test_good_candidate_passes_the_guardrail_without_a_lost_request(native: Plant) -> None:
    """AWS moves the traffic in two steps under an alarm that stays silent."""
    with native.callers() as callers:
        told = native.deploy("better", "native", **GUARDED)

    assert told.exit_code == 0, told.stderr
    assert native.weights() == {NATIVE_VARIANT: 100}
    assert callers.lost() == []
    assert callers.answers[-1].version == str(native.versions["better"])
    update = _guarded_updates(native)[-1]
    assert update["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["CanarySize"]["Value"] == 10
    assert update["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": ALARM}]}


def test_silent_rollback_by_aws_fails_the_deploy(native: Plant) -> None:
    """The alarm rings, AWS goes back and says InService; the deploy notices, fails, and the ledger keeps why."""
    with native.callers(clients=4) as callers:
        told = native.deploy("failing", "native", **GUARDED)

    described = native.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    assert described["EndpointStatus"] == "InService"
    assert told.exit_code == CandidateRejected.exit_code, told.stderr
    assert "AWS went back" in told.error
    assert ALARM in told.error
    closing = native.entries()[-1]
    assert (closing["action"], closing["outcome"], closing["strategy"]) == ("deploy", "rolled_back", "native")
    assert ALARM in closing["reason"]
    assert callers.answers[-1].version == str(native.versions["good"])
    answered = [answer for answer in callers.answers if answer.lost]
    print(f"native, failing: {len(answered)} of {len(callers.answers)} requests failed")  # noqa: T201


def _guarded_updates(plant: Plant) -> list[dict[str, Any]]:
    """Read from the record of calls how AWS was asked to deploy."""
    calls = (json.loads(line) for line in (plant.root / ".local/calls.jsonl").read_text().splitlines())
    updates = (call["params"] for call in calls if call["operation"] == "UpdateEndpoint")
    return [update["DeploymentConfig"] for update in updates if "DeploymentConfig" in update]
