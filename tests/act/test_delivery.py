"""cd, rollback and operate really run: from a commit to prod and back, with credentials from tokens.

The tests of this file tell one story, in order: what a test delivers, the next one finds.
"""

import csv
import functools
import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from urllib.request import Request, urlopen

import boto3
import pytest
from botocore.config import Config

from act.conftest import Checkout, Surroundings, clone, running_github, trust_policies
from act.issuer import Issuer
from act.runner import Host, Run
from act.sts import Sts

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def surroundings(
    known: Checkout, aws: dict[str, str], github: str, tmp_path_factory: pytest.TempPathFactory
) -> Surroundings:
    """Keep one checkout for the whole story."""
    scratch = tmp_path_factory.mktemp("delivery")
    return Surroundings(
        checkout=clone(known.folder, scratch / "project"),
        aws=aws,
        github=github,
        issuer=Issuer(repository=known.repository),
        sts=Sts(aws=aws["AWS_ENDPOINT_URL"], trust_policy=trust_policies(aws)),
        scratch=scratch,
    )


@pytest.fixture(scope="module")
def host(surroundings: Surroundings) -> Iterator[Host]:
    """Let workflows run."""
    with surroundings.host() as opened:
        yield opened


def results(run: Run) -> dict[str, str]:
    """Name each result by the calling job; act numbers the jobs of a matrix."""
    return {name.split("/")[1].rstrip("-0123456789"): result for name, result in run.jobs.items()}


@functools.cache
def runtime(url: str) -> Any:
    """Open the runtime once; a client that retried would hide a lost request."""
    once = Config(retries={"total_max_attempts": 1}, max_pool_connections=8)
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="caller",
        aws_secret_access_key="caller",
        config=once,
    )


def ask(aws: Mapping[str, str], row: Mapping[str, object]) -> str:
    """Send one application to prod, and return the version that answered."""
    answer = runtime(aws["AWS_ENDPOINT_URL"]).invoke_endpoint(
        EndpointName="mortgage-decisions-prod", ContentType="application/json", Body=json.dumps({"instances": [row]})
    )
    return str(json.load(answer["Body"])["model_version"])


@pytest.fixture(scope="module")
def rows(known: Checkout) -> list[dict[str, object]]:
    """Read the data set's applications as callers send them."""
    schema = json.loads((known.folder / "model/config/schema.json").read_text(encoding="utf-8"))
    kinds = {feature["name"]: float if feature["type"] == "number" else str for feature in schema["features"]}
    with (known.folder / "data/hmda.csv").open(encoding="utf-8") as file:
        return [{name: kind(line[name]) for name, kind in kinds.items()} for line in csv.DictReader(file)]


@contextmanager
def traffic(aws: Mapping[str, str], rows: list[dict[str, object]]) -> Iterator[list[str]]:
    """Keep asking prod while the block runs; yield the versions that answered. A lost request fails the test."""
    stop, versions, lost = threading.Event(), list[str](), list[Exception]()

    def work(mine: list[dict[str, object]]) -> None:
        for row in itertools.cycle(mine):
            if stop.wait(0.02):
                return
            try:
                versions.append(ask(aws, row))
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller has no answer
                lost.append(error)

    threads = [threading.Thread(target=work, args=(rows[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield versions
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert lost == []


def test_push_delivers_to_prod(host: Host, surroundings: Surroundings, rows: list[dict[str, object]]) -> None:
    """One push trains, gates, registers and releases to all three environments, each with its own identity."""
    run = host.run("cd.yml", "push", seconds=600)

    assert run.code == 0, run.story
    assert set(run.jobs.values()) == {"success"}
    assert [claims["environment"] for claims in surroundings.issuer.issued] == ["dev"] * 5 + ["staging", "prod"]
    assert surroundings.sts.refused == []
    assert ask(surroundings.aws, rows[0]) == "1"


def test_reviewer_is_written_down_as_approver(surroundings: Surroundings) -> None:
    """The registry and the ledger name who approved on GitHub, not who pushed."""
    history = surroundings.checkout.pipeline("history", "--env", "prod", environment=surroundings.aws)

    assert "octocat" in history


def test_second_push_of_the_same_model_trains_nothing(host: Host, surroundings: Surroundings) -> None:
    """A commit that leaves the fingerprint alone goes through without a training job."""
    readme = surroundings.checkout.folder / "README.md"
    readme.write_text(readme.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    surroundings.checkout.commit("Change the README")

    run = host.run("cd.yml", "push", seconds=600)

    assert run.code == 0, run.story
    assert "cache hit: no training job was started" in run.log


def test_better_model_takes_over_under_traffic(
    host: Host, surroundings: Surroundings, rows: list[dict[str, object]]
) -> None:
    """A second release goes through the canary while callers are answered without a gap."""
    set_hyperparameter(surroundings.checkout, "n_estimators", "180")

    with traffic(surroundings.aws, rows) as versions:
        run = host.run("cd.yml", "push", seconds=600)

    assert run.code == 0, run.story
    assert set(versions) == {"1", "2"}
    assert ask(surroundings.aws, rows[0]) == "2"


def set_hyperparameter(checkout: Checkout, name: str, value: str) -> None:
    """Commit another hyperparameter."""
    path = checkout.folder / "model/config/hyperparameters.json"
    path.write_text(
        json.dumps(json.loads(path.read_text(encoding="utf-8")) | {name: value}, indent=2), encoding="utf-8"
    )
    checkout.commit(f"Set {name}")


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


def test_rollback_needs_no_review(host: Host, surroundings: Surroundings, rows: list[dict[str, object]]) -> None:
    """It runs in prod-operations, loses no request, and the former version answers."""
    asked = dispatch(environment="prod", target="previous", reason="complaints", dry_run="false")

    with traffic(surroundings.aws, rows) as versions:
        run = host.run("rollback.yml", "workflow_dispatch", asked)

    assert run.code == 0, run.story
    assert surroundings.issuer.issued[-1]["environment"] == "prod-operations"
    assert versions[0] == "2"
    assert ask(surroundings.aws, rows[0]) == "1"


def test_alarm_can_roll_back(host: Host, surroundings: Surroundings, rows: list[dict[str, object]]) -> None:
    """A repository_dispatch event does what the button does."""
    payload = {"environment": "prod", "target": "2", "reason": "the alarm rang"}

    run = host.run("rollback.yml", "repository_dispatch", {"action": "rollback", "client_payload": payload})

    assert run.code == 0, run.story
    assert ask(surroundings.aws, rows[0]) == "2"


@pytest.mark.parametrize(
    ("schedule", "jobs"),
    [
        ("17 * * * *", {"Monitor", "Reconcile"}),
        ("43 2 * * *", {"Clean"}),
        ("23 5 * * 1", {"Drill"}),
    ],
)
def test_schedule_runs_its_work(host: Host, schedule: str, jobs: set[str]) -> None:
    """Every hour, night and week has its jobs, and no others run."""
    run = host.run("operate.yml", "schedule", {"schedule": schedule})

    assert set(results(run)) == jobs
    assert "AccessDenied" not in run.log


def test_missed_mark_stops_before_register(host: Host, surroundings: Surroundings) -> None:
    """A model that fails its gates is trained and judged, and goes no further."""
    set_hyperparameter(surroundings.checkout, "n_estimators", "1")

    run = host.run("cd.yml", "push", seconds=600)

    assert results(run) == {
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
    """Where somebody took the reviewers away, nothing is released, and the message says what mends it."""
    set_hyperparameter(surroundings.checkout, "n_estimators", "180")
    with running_github(known) as github:
        unprotect(github, known.repository)
        with replace(surroundings, github=github).host() as host:
            run = host.run("cd.yml", "push", seconds=600)

    assert results(run).get("Staging") == "success", run.story
    assert results(run)["Prod"] == "failure"
    assert any("bootstrap github" in error["arg"] for error in run.errors)
