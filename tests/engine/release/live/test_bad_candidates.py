"""Failing, slow and skewed candidates under live load: caught, rolled back, and told."""

import pytest
from sagemaker_gitops.errors import CandidateRejected
from tests.engine.release.live.plant import Callers, Plant

CASES = {"failing": "error rate", "slow": "latency", "skewed": "predictions|confidence|agreement"}


@pytest.mark.parametrize("strategy", ["canary", "linear", "shadow"])
@pytest.mark.parametrize("candidate", CASES)
def test_bad_candidate_is_caught_and_rolled_back(serving: Plant, strategy: str, candidate: str) -> None:
    """The job ends with the reason, the champion has all traffic, and the ledger says how it came."""
    before = serving.weights()

    with serving.callers(clients=4) as callers:
        told = serving.deploy(candidate, strategy)

    assert told.exit_code == CandidateRejected.exit_code, told.stderr
    assert any(word in told.error for word in CASES[candidate].split("|")), told.error
    champion = next(iter(before))
    assert serving.weights()[champion] == 100
    print(f"{strategy}, {candidate}: {_exposure(callers, serving.versions[candidate])}")  # noqa: T201
    assert callers.newest.version == str(serving.versions["good"])
    if strategy == "shadow":
        assert {answer.version for answer in callers.answers} == {str(serving.versions["good"])}
    if candidate != "failing" or strategy == "shadow":
        assert callers.lost() == []


def test_idle_candidate_is_rolled_back(serving: Plant) -> None:
    """Without callers a canary proves nothing, and does not pass."""
    told = serving.deploy("better", "canary", PIPELINE__DEPLOY__TRAFFIC_WAIT_SECONDS="0.5")

    assert told.exit_code == CandidateRejected.exit_code
    assert "too little traffic" in told.error


def _exposure(callers: Callers, version: int) -> str:
    bad = [answer for answer in callers.answers if answer.version == str(version) or answer.lost]
    if not bad:
        return "no caller was answered by it"
    return f"{bad[-1].moment - bad[0].moment:.2f} s from its first answer to the last, {len(bad)} answers"
