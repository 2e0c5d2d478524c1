"""cd and rollback really run: from a commit to prod and back, with credentials from tokens.

The tests of this file tell one story, in order: what a test delivers, the next one finds.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

import pytest
from tests.act.callers import ask, traffic
from tests.act.changes import pull_request, set_hyperparameter
from tests.act.conftest import Checkout, Surroundings, clone, running_github, surround
from tests.act.dispatches import Dispatches
from tests.act.registry import client, packages, statement, stored
from tests.act.runner import Host

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def surroundings(
    known: Checkout, aws: dict[str, str], github: str, tmp_path_factory: pytest.TempPathFactory
) -> Surroundings:
    """Keep one checkout for the whole story."""
    scratch = tmp_path_factory.mktemp("delivery")
    return surround(clone(known.folder, scratch / "project"), aws, github, scratch)


def tune(checkout: Checkout, name: str, value: str) -> None:
    """Commit another hyperparameter."""
    set_hyperparameter(checkout.folder, name, value)
    checkout.commit(f"Set {name}")


def report(surroundings: Surroundings, environment: str) -> str:
    """Read the release report of version 1 that a run kept."""
    kept = surroundings.scratch / f"artifacts/model-card-{environment}-v1"
    assert json.loads((kept / "card.json").read_text(encoding="utf-8"))["intended_uses"]
    page = (kept / "report.html").read_text(encoding="utf-8")
    assert "<svg" in page
    return page


def test_push_delivers_to_prod(host: Host, surroundings: Surroundings, rows: list[dict[str, object]]) -> None:
    """One push trains, gates, registers and releases to all three environments, each with its own identity."""
    run = host.run("cd.yml", "push", seconds=600)

    assert run.code == 0, run.story
    assert set(run.jobs.values()) == {"success"}
    assert run.did("Sign where the model comes from")
    assert "octocat" not in report(surroundings, "dev")
    assert "octocat" in report(surroundings, "prod")
    assert [claims["environment"] for claims in surroundings.issuer.issued] == [
        *["dev"] * 5,
        "staging",
        "prod-operations",
        "prod",
    ]
    assert surroundings.sts.refused == []
    assert ask(surroundings.aws, rows[0]) == "1"


def test_model_package_holds_bills_of_materials_and_provenance(surroundings: Surroundings) -> None:
    """Whoever finds the version finds what went into it, and what GitHub signed about exactly its bytes."""
    (package,) = packages(surroundings.aws, "mortgage-decisions")

    facts = package["CustomerMetadataProperties"]
    signed = statement(stored(surroundings.aws, facts["provenance"]))
    assert signed["predicateType"].startswith("https://slsa.dev/provenance/")
    assert signed["subject"] == [{"name": "model.tar.gz", "digest": {"sha256": facts["model_sha256"]}}]
    assert facts["provenance_subject"] == f"sha256:{facts['model_sha256']}"
    for subject in ("train", "inference", "model"):
        assert json.loads(stored(surroundings.aws, facts[f"sbom_{subject}"]))["bomFormat"] == "CycloneDX"


def test_reviewer_is_written_down_as_approver(surroundings: Surroundings) -> None:
    """The registry and the ledger name who approved on GitHub, not who pushed."""
    history = surroundings.checkout.pipeline("history", "--env", "prod", environment=surroundings.aws)

    assert "octocat" in history


def test_second_push_of_the_same_model_trains_nothing(host: Host, surroundings: Surroundings) -> None:
    """A commit that leaves the fingerprint alone goes through without a training job, in a private repository too."""
    readme = surroundings.checkout.folder / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    surroundings.checkout.commit("Change the README")

    run = host.run("cd.yml", "push", {"repository": {"private": True}}, seconds=600)

    assert run.code == 0, run.story
    assert not run.did("Sign where the model comes from")
    assert "cache hit: no training job was started" in run.log
    assert run.stages["Needed"] == "success"
    assert run.stages.get("Prod", "skipped") == "skipped"


def test_better_model_takes_over_under_traffic(
    host: Host, surroundings: Surroundings, rows: list[dict[str, object]]
) -> None:
    """A second release goes through the canary while callers are answered without a gap."""
    tune(surroundings.checkout, "n_estimators", "180")

    with traffic(surroundings.aws, rows) as versions:
        run = host.run("cd.yml", "push", seconds=600)

    assert run.code == 0, run.story
    assert set(versions) == {"1", "2"}
    assert ask(surroundings.aws, rows[0]) == "2"


def test_pull_request_is_compared_with_the_champion(
    surroundings: Surroundings, known: Checkout, tmp_path: Path
) -> None:
    """The rehearsal reads the approved version with a role that can only read; deltas are against that."""
    checkout = clone(known.folder, tmp_path / "project")
    tune(checkout, "n_estimators", "170")
    place = surround(checkout, surroundings.aws, surroundings.github, tmp_path)

    with place.host() as host:
        run = host.run("ci.yml", "pull_request", pull_request(checkout.folder, head=known.repository), job="report")

    assert run.code == 0, run.story
    assert [claims["sub"].rpartition(":")[2] for claims in place.issuer.issued] == ["pull_request"]
    comment = (tmp_path / "artifacts/comments/12-rehearsal.md").read_text(encoding="utf-8")
    assert "Compared with the registry's champion: version 2" in comment
    assert "|  | champion v2 | this | change |" in comment
    assert (tmp_path / "artifacts/rehearsal/report.html").is_file()


def dispatch(**inputs: str) -> dict[str, Any]:
    """Describe a run that somebody started by hand."""
    return {"inputs": inputs}


def test_dry_run_of_a_rollback_changes_nothing(
    host: Host, surroundings: Surroundings, rows: list[dict[str, object]]
) -> None:
    """It only says what would change."""
    asked = dispatch(environment="prod", target="previous", reason="look first", dry_run="true")

    run = host.run("rollback.yml", "workflow_dispatch", asked)

    assert run.code == 0, run.story
    assert ask(surroundings.aws, rows[0]) == "2"


def test_alarm_rolls_back(
    host: Host, surroundings: Surroundings, dispatches: Dispatches, rows: list[dict[str, object]]
) -> None:
    """Errors of the variant that serves reach GitHub by EventBridge, and the former version answers."""
    listed = client("cloudwatch", surroundings.aws).describe_alarms(AlarmNamePrefix="mortgage-decisions-prod-v2-")
    (alarm,) = (item["AlarmName"] for item in listed["MetricAlarms"] if item["AlarmName"].endswith("-errors"))
    event = dispatches.rings(alarm, "one in ten fails")

    run = host.run("rollback.yml", "repository_dispatch", event)

    assert run.code == 0, run.story
    assert event["action"] == "model-alarm"
    assert ask(surroundings.aws, rows[0]) == "1"
    history = surroundings.checkout.pipeline("history", "--env", "prod", environment=surroundings.aws)
    assert f"alarm {alarm}: one in ten fails" in history


def test_rollback_needs_no_review(host: Host, surroundings: Surroundings, rows: list[dict[str, object]]) -> None:
    """It runs in prod-operations, loses no request, and the version that was asked for answers."""
    asked = dispatch(environment="prod", target="2", reason="the alarm was false", dry_run="false")

    with traffic(surroundings.aws, rows) as versions:
        run = host.run("rollback.yml", "workflow_dispatch", asked)

    assert run.code == 0, run.story
    assert surroundings.issuer.issued[-1]["environment"] == "prod-operations"
    assert versions[0] == "1"
    assert ask(surroundings.aws, rows[0]) == "2"


def test_missed_mark_stops_before_register(host: Host, surroundings: Surroundings) -> None:
    """A model that fails its gates is trained and judged, and goes no further."""
    tune(surroundings.checkout, "n_estimators", "1")

    run = host.run("cd.yml", "push", seconds=600)

    assert run.stages == {
        "Image": "success",
        "Train": "success",
        "Test": "failure",
    }
    assert "model/config/baseline.json" in {error["kvPairs"].get("file") for error in run.errors}


def unprotect(github: str, repository: str) -> None:
    """Take every rule from prod, as an administrator can by hand."""
    url = f"{github}/repos/{repository}/environments/prod"
    body = {"wait_timer": 0, "prevent_self_review": False, "reviewers": None, "deployment_branch_policy": None}
    headers = {"Authorization": "Bearer valid", "Content-Type": "application/json"}
    urlopen(Request(url, data=json.dumps(body).encode(), headers=headers, method="PUT"), timeout=10).close()


def test_unprotected_prod_is_refused(surroundings: Surroundings, known: Checkout) -> None:
    """Where somebody took the reviewers away, nothing is released, and the message says what fixes it."""
    tune(surroundings.checkout, "n_estimators", "180")
    with running_github(known) as github:
        unprotect(github, known.repository)
        with replace(surroundings, github=github).host() as host:
            run = host.run("cd.yml", "push", seconds=600)

    assert run.stages.get("Staging") == "success", run.story
    assert run.stages["Prod"] == "failure"
    assert any("bootstrap github" in error["arg"] for error in run.errors)
