"""page: people get one issue an environment, kept up to date, and closed when all is well again."""

import json
import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops.cli import app as cli
from sagemaker_gitops.errors import GitHubRefused
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.monitor.policy import Decision
from sagemaker_gitops.monitor.publish import RECORD, SUMMARY
from sagemaker_gitops.monitor.record import Record, Served, dump_record
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages import page
from sagemaker_gitops.stages.page import Options
from tests.engine.github.stand_in import GitHub

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PAGED = Decision(reaction="page", taken=True, reason="the data drifted")

Page = Callable[..., str]


def record(outcome: str, features: tuple[str, ...], decisions: tuple[Decision, ...]) -> bytes:
    """Write down a run that found these features violated."""
    violations: list[dict[str, str | float]] = [
        {"subject": "drift", "feature": name, "check": "psi", "value": 0.3} for name in features
    ]
    return dump_record(
        Record(
            time=NOW,
            start=NOW - timedelta(hours=24),
            end=NOW,
            endpoint="loan-approval-prod",
            release=Served(version=2, fingerprint="f" * 64),
            outcome=outcome,
            reason=f"{outcome}: {', '.join(features) or 'nothing'}",
            rows=1000,
            releases={},
            violations=violations,
            decisions=decisions,
        )
    )


@pytest.fixture
def paging(checkout: Path, repository: Repository) -> Page:
    """Return what pages with the report of a run, and tells what the stage said."""

    def act(
        outcome: str, *features: str, decisions: tuple[Decision, ...] = (PAGED,), text: str = "", env: Any = "prod"
    ) -> str:
        folder = checkout / "reports/monitor"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / RECORD).write_bytes(record(outcome, features, decisions))
        (folder / SUMMARY).write_text(text or f"{outcome} of {features}")
        options = Options(run_url="https://github.example/run/1", folder=folder)
        return page.run(Settings.load(checkout, env, {}), repository, options).summary

    return act


def only(github: GitHub) -> dict[str, Any]:
    """Return the one issue there is."""
    (issue,) = github.state.issues.values()
    return issue


def test_drift_opens_an_issue(paging: Page, github: GitHub) -> None:
    """It carries the run's summary, its address and the environment's label."""
    paging("drift", "income", text="| income | 0.31 |")

    issue = only(github)
    assert "loan-approval-prod: drift" in issue["title"]
    assert "| income | 0.31 |" in issue["body"]
    assert "https://github.example/run/1" in issue["body"]
    assert [label["name"] for label in issue["labels"]] == ["monitor-prod"]


def test_second_run_updates_the_same_issue(paging: Page, github: GitHub) -> None:
    """The same drift, an hour later, tells nobody again."""
    paging("drift", "income", text="psi 0.31")

    paging("drift", "income", text="psi 0.35")

    assert "psi 0.35" in only(github)["body"]
    assert github.state.comments == {}


def test_other_drift_is_told_by_a_comment(paging: Page, github: GitHub) -> None:
    """Whoever follows the issue learns that something else is violated."""
    paging("drift", "income")

    paging("drift", "income", "age")

    assert github.state.comments == {only(github)["number"]: ["Something else is violated now. drift: income, age."]}


def test_ok_closes_the_issue(paging: Page, github: GitHub) -> None:
    """The last word stands in a comment, and the next drift opens a new issue."""
    paging("drift", "income")

    paging("ok")

    assert only(github)["state"] == "closed"
    assert "ok: nothing" in github.state.comments[only(github)["number"]][0]
    paging("drift", "income")
    assert [issue["state"] for issue in github.state.issues.values()] == ["closed", "open"]


@pytest.mark.parametrize(
    ("outcome", "decisions"),
    [("ok", ()), ("insufficient-data", ()), ("drift", ())],
    ids=["nothing is wrong", "too little is known", "the policy asks for no page"],
)
def test_no_issue_is_opened_without_cause(
    paging: Page, github: GitHub, outcome: str, decisions: tuple[Decision, ...]
) -> None:
    """People are paged for what their environment's policy names, and for nothing else."""
    paging(outcome, decisions=decisions)

    assert github.state.issues == {}


def test_too_little_data_leaves_the_issue_open(paging: Page, github: GitHub) -> None:
    """Silence after drift is no recovery."""
    paging("drift", "income")

    paging("insufficient-data", decisions=())

    assert only(github)["state"] == "open"


def test_environments_have_issues_of_their_own(paging: Page, github: GitHub) -> None:
    """Staging's recovery closes nothing of prod's."""
    paging("drift", "income")

    paging("ok", env="staging")

    assert only(github)["state"] == "open"


def test_pull_request_with_the_label_is_no_issue(paging: Page, github: GitHub) -> None:
    """GitHub lists pull requests among issues; what somebody works on is not written over."""
    paging("drift", "income")
    only(github)["pull_request"] = {"url": "u", "html_url": "u", "diff_url": "u", "patch_url": "u"}

    paging("drift", "income")

    assert len(github.state.issues) == 2


def test_monitor_without_a_report_is_told(checkout: Path, github: GitHub, repository: Repository) -> None:
    """A monitor that broke before it could write anything opens the issue, too."""
    options = Options(run_url="https://github.example/run/1", folder=checkout / "reports/monitor")

    page.run(Settings.load(checkout, "prod", {}), repository, options)

    assert "left no report" in only(github)["body"]


def test_long_report_is_cut(paging: Page, github: GitHub) -> None:
    """GitHub takes 65,536 characters."""
    paging("drift", "income", text="x" * 100_000)

    assert len(only(github)["body"]) <= 65_536


def test_repository_without_issues_is_named(paging: Page, github: GitHub, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where issues are switched off, the error says where to switch them on."""
    monkeypatch.setattr(github, "answer", lambda *_: (410, {"message": "Issues are disabled for this repo"}))

    with pytest.raises(GitHubRefused, match="Settings > General > Features"):
        paging("drift", "income")


@pytest.mark.usefixtures("at_home")
def test_command_pages(paging: Page, capsys: pytest.CaptureFixture[str]) -> None:
    """`pipeline page` finds report, repository and token where a workflow has them."""
    paging("ok")

    assert cli.main(["page", "--env", "prod", "--run-id", "7", "--json"]) == 0
    assert "no issue to close" in json.loads(capsys.readouterr().out)["summary"]


def test_report_of_hostile_traffic_calls_nobody(paging: Page, github: GitHub) -> None:
    """Captured values reach the issue as text: no mention, no reference, and never too long for GitHub."""
    paging("drift", "@example-bank/everyone closes #12")
    paging("drift", "other " + "@octocat " * 20_000)

    texts = [only(github)["body"], *github.state.comments[only(github)["number"]]]
    assert not any(re.search(r"@\w|#\d", text) for text in texts)
    assert max(map(len, texts)) <= 65_536
    assert "The whole report is kept with the run" in texts[0]
