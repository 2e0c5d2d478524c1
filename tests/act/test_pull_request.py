"""ci really runs: what a pull request breaks fails at its job, with an annotation where the fault is."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.act.changes import edit, pull_request, set_hyperparameter
from tests.act.conftest import Checkout
from tests.act.issuer import Issuer
from tests.act.runner import Host

pytestmark = pytest.mark.slow
PREPROCESSING = "model/train/preprocessing.py"
PREDICTOR = "model/inference/predictor.py"


def test_sound_change_passes(host: Host, checkout: Checkout, issuer: Issuer) -> None:
    """Every job succeeds, only Champion has credentials, and the pull request gets its one comment."""
    set_hyperparameter(checkout.folder, "n_estimators", "170")
    edit(checkout.folder, PREPROCESSING, "What is done to", "What happens to")
    edit(checkout.folder, "model/inference/openapi.yml", "description:", "description: ")
    checkout.commit("Change a little of everything")
    payload = pull_request(checkout.folder, head=checkout.repository)

    run = host.run("ci.yml", "pull_request", payload, seconds=900)

    assert run.code == 0, run.story
    assert {name.split("/")[0] for name in run.jobs} == {
        *("Plan", "Lint", "Unit tests", "Schema", "Champion", "Rehearse", "Report", "Required checks"),
    }
    (token,) = issuer.issued
    assert token["sub"].endswith(":pull_request")
    comment = (host.scratch / "artifacts/comments/12-rehearsal.md").read_text(encoding="utf-8")
    assert comment.startswith("## This model passes all")


def test_change_of_prose_runs_no_check(host: Host, checkout: Checkout) -> None:
    """The plan spares what cannot be affected, and the required check still answers."""
    edit(checkout.folder, "README.md", "#", "# ")
    checkout.commit("Change the README")

    run = host.run("ci.yml", "pull_request", pull_request(checkout.folder, head=checkout.repository))

    assert run.code == 0, run.story
    assert {name.split("/")[0] for name in run.jobs} == {"Plan", "Required checks"}


def test_fork_runs_every_gate_without_a_comment(host: Host, checkout: Checkout, issuer: Issuer) -> None:
    """A stranger's change is checked as any other, without any credentials, and the report says what that means."""
    set_hyperparameter(checkout.folder, "n_estimators", "170")
    checkout.commit("Change from a fork")

    run = host.run("ci.yml", "pull_request", pull_request(checkout.folder, head="stranger/fork"), job="report")

    assert run.code == 0, run.story
    assert {name.split("/")[0] for name in run.jobs} == {"Plan", "Rehearse"}
    assert issuer.issued == []
    assert "trained here, because this run was given no champion" in run.summary


# Own logic in serving: a label that openapi.yml does not know, and an answer beyond the service level.
LABEL = """
    def label(self, probabilities):
        scores = super().label(probabilities)
        return type(scores)(labels=["perhaps" for _ in scores.labels], probabilities=scores.probabilities)
"""
SLOW = """
    def probabilities(self, batch):
        __import__("time").sleep(0.06)
        return super().probabilities(batch)
"""
BROKEN: dict[str, tuple[str, Callable[[Path], None], str]] = {
    "lint": (
        "lint",
        lambda folder: edit(folder, PREPROCESSING, "\nfrom sklearn.compose", "\nimport csv\nfrom sklearn.compose"),
        PREPROCESSING,
    ),
    "schema": (
        "schema",
        lambda folder: edit(folder, "model/inference/openapi.yml", "probability", "chance"),
        "model/inference/openapi.yml",
    ),
    "data": (
        "schema",
        lambda folder: edit(folder, "data/hmda.csv", ",no,", ",perhaps,"),
        "data/hmda.csv",
    ),
    "quality": (
        "rehearse",
        lambda folder: set_hyperparameter(folder, "n_estimators", "1"),
        "model/config/baseline.json",
    ),
    "bias": (
        "rehearse",
        lambda folder: set_hyperparameter(folder, "threshold", "0.2"),
        "model/config/baseline.json",
    ),
    "contract": (
        "rehearse",
        lambda folder: edit(folder, PREDICTOR, '."""\n', f'."""\n{LABEL}'),
        "model/tests/test_contract.py",
    ),
    "latency": (
        "rehearse",
        lambda folder: edit(folder, PREDICTOR, '."""\n', f'."""\n{SLOW}'),
        "model/config/baseline.json",
    ),
}


@pytest.mark.parametrize("gate", BROKEN)
def test_broken_gate_fails_where_the_fault_is(host: Host, checkout: Checkout, gate: str) -> None:
    """The job of the gate fails, and its annotation names the file."""
    job, spoil, file = BROKEN[gate]
    spoil(checkout.folder)
    checkout.commit(f"Break {gate}")

    run = host.run("ci.yml", "pull_request", pull_request(checkout.folder, head=checkout.repository), job=job)

    results = {name.split("/")[0].lower(): result for name, result in run.jobs.items()}
    before = {"plan", "champion"} if job == "rehearse" else {"plan"}
    assert results == {**dict.fromkeys(before, "success"), job: "failure"}
    assert file in {error["kvPairs"].get("file") for error in run.errors}


@pytest.mark.parametrize(
    ("others", "verdict"),
    [
        (["success", "skipped"], "success"),
        (["success", "failure"], "failure"),
        (["cancelled", "success"], "failure"),
    ],
)
def test_required_check_is_red_when_any_job_is(host: Host, others: list[str], verdict: str) -> None:
    """The single check that protects main takes a skipped job for sound, and nothing else.

    It is given the results by hand: after a called workflow has failed, act starts no further job.
    """
    needs = {f"job-{number}": {"result": result, "outputs": {}} for number, result in enumerate(others)}

    run = host.run("required.yml", "workflow_call", {"inputs": {"results": json.dumps(needs)}})

    assert list(run.jobs.values()) == [verdict], run.story
