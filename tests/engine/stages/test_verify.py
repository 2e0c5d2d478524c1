"""What serves is asked by its callers' road: the release, the contract, the service level under load."""

import json

import pytest
from sagemaker_gitops.errors import CandidateRejected, EndpointDrifted
from tests.engine.stages.conftest import Laptop

pytestmark = pytest.mark.acceptance

LOADED = {"PIPELINE__SERVING__LOAD_TEST": "true", "PIPELINE__SERVING__SLA__P99_MS": "5000"}


@pytest.fixture(scope="module")
def serving(laptop: Laptop) -> Laptop:
    """Let the model of this checkout serve dev."""
    for words in (("train",), ("test",), ("register",), ("deploy", "--version", "1")):
        told = laptop.run(words[0], "--env", "dev", *words[1:])
        assert told.exit_code == 0, told.stderr
    return laptop


def test_what_serves_is_verified_under_load(serving: Laptop) -> None:
    """Every figure of the service level is told beside its limit."""
    told = serving.run("verify", "--env", "dev", "--version", "1", **LOADED)

    assert told.exit_code == 0, told.stderr
    summary = json.loads(told.stdout)["summary"]
    for figure in ("p50_ms", "p95_ms", "p99_ms", "requests_per_second", "failures"):
        assert f"{figure} " in summary


def test_endpoint_that_cannot_hold_the_load_is_refused(serving: Laptop) -> None:
    """The refusal names the figure, its limit, and the file that promises it."""
    promised = {"PIPELINE__SERVING__SLA__REQUESTS_PER_SECOND": "1000000"}

    told = serving.run("verify", "--env", "dev", "--version", "1", **LOADED, **promised)

    assert told.exit_code == CandidateRejected.exit_code
    assert "requests_per_second" in told.stderr
    assert "infra/config/dev.json: serving.sla" in told.stderr


def test_version_that_does_not_serve_is_refused(serving: Laptop) -> None:
    """A version that was registered and never released is not what callers get."""
    serving.set_hyperparameters(n_estimators="110")
    for stage in ("train", "test", "register"):
        assert serving.run(stage, "--env", "dev").exit_code == 0

    told = serving.run("verify", "--env", "dev", "--version", "2")

    assert told.exit_code == EndpointDrifted.exit_code
    assert "does not serve 100 % of traffic" in told.stderr
