"""AWS's own guardrails: a canary within one variant, and a rollback that AWS does without a word."""

import json
from typing import Any

from sagemaker_gitops.errors import CandidateRejected
from sagemaker_gitops.release.strategies import NATIVE_VARIANT
from tests.engine.release.live.plant import ENDPOINT, Plant

# Simulated seconds: the embedded AWS bakes for three real ones, in which the alarm is evaluated a dozen times.
GUARDED = {"PIPELINE__DEPLOY__BAKE_SECONDS": "1800"}
ALARMS = [f"{ENDPOINT}-{NATIVE_VARIANT}-{kind}" for kind in ("errors", "latency")]


def test_good_candidate_passes_the_guardrail_without_a_lost_request(serving: Plant) -> None:
    """AWS moves the traffic in two steps under an alarm that stays silent."""
    with serving.callers() as callers:
        told = serving.deploy("better", "native", **GUARDED)

    assert told.exit_code == 0, told.stderr
    assert serving.weights() == {NATIVE_VARIANT: 100}
    assert callers.lost() == []
    assert callers.answers[-1].version == str(serving.versions["better"])
    update = _guarded_updates(serving)[-1]
    assert update["BlueGreenUpdatePolicy"]["TrafficRoutingConfiguration"]["CanarySize"]["Value"] == 10
    assert update["AutoRollbackConfiguration"] == {"Alarms": [{"AlarmName": name} for name in ALARMS]}


def test_silent_rollback_by_aws_fails_the_deploy(serving: Plant) -> None:
    """The alarm rings, AWS goes back and says InService; the deploy notices, fails, and the ledger keeps why."""
    with serving.callers(clients=4) as callers:
        told = serving.deploy("failing", "native", **GUARDED)

    described = serving.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)
    assert described["EndpointStatus"] == "InService"
    assert told.exit_code == CandidateRejected.exit_code, told.stderr
    assert "AWS went back" in told.error
    assert ALARMS[0] in told.error
    closing = serving.entries()[-1]
    assert (closing["action"], closing["outcome"], closing["strategy"]) == ("deploy", "rolled_back", "native")
    assert ALARMS[0] in closing["reason"]
    assert callers.answers[-1].version == str(serving.versions["good"])
    answered = [answer for answer in callers.answers if answer.lost]
    print(f"native, failing: {len(answered)} of {len(callers.answers)} requests failed")  # noqa: T201


def _guarded_updates(plant: Plant) -> list[dict[str, Any]]:
    """Read from the record of calls how AWS was asked to deploy."""
    calls = (json.loads(line) for line in (plant.root / ".local/calls.jsonl").read_text().splitlines())
    updates = (call["params"] for call in calls if call["operation"] == "UpdateEndpoint")
    return [update["DeploymentConfig"] for update in updates if "DeploymentConfig" in update]
