"""preflight: an environment that is not protected as declared is not deployed to."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops.cli import app as cli
from sagemaker_gitops.errors import ProtectionMissing
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.project.config import read_project
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages import bootstrap_github, preflight
from sagemaker_gitops.stages.preflight import Options
from tests.engine.github import description
from tests.engine.github.stand_in import GitHub
from tests.engine.github.state import State


@pytest.fixture
def protected(checkout: Path, repository: Repository) -> Path:
    """Set GitHub up as declared."""
    project = read_project(checkout / "infra/config")
    bootstrap_github.run(checkout, project, repository, bootstrap_github.Options(agreed=lambda _: True))
    return checkout


def approve(state: State, environment: str, login: str, verdict: str = "approved") -> None:
    """Let somebody decide on the run, on GitHub."""
    call = description.find("GET", f"/repos/{state.name}/actions/runs/1/approvals")
    assert call is not None
    review = call.example()[0]
    review["environments"] = [{**review["environments"][0], "name": environment}]
    review.update(state=verdict, comment="gates are green", user=review["user"] | {"login": login})
    state.approvals.append(review)


def run(root: Path, repository: Repository, env: Any = "prod") -> dict[str, str]:
    """Run the stage for run 1."""
    settings = Settings.load(root, env, {})
    return dict(preflight.run(settings, repository, Options(run_id="1")).outputs)


def edit(root: Path, file: str, change: Callable[[Any], object]) -> None:
    """Change a JSON file of the project."""
    path = root / file
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))


def test_protected_and_approved_environment_names_its_approver(
    protected: Path, github: GitHub, repository: Repository
) -> None:
    """Who approved goes on to the registry and the ledger."""
    approve(github.state, "prod", "octocat")

    assert run(protected, repository) == {"approver": "octocat", "reason": "gates are green"}


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda state: state.environments.pop("prod"), "it does not exist"),
        (
            lambda state: state.environments["prod"].update(protection_rules=[]),
            "reviewers: none, declared @example-bank/ml-reviewers",
        ),
        (
            lambda state: state.environments["prod"]["protection_rules"][0].update(prevent_self_review=False),
            "prevent_self_review: false, declared true",
        ),
        (lambda state: state.branches["prod"].update({999: "*"}), "branches: \\*, main, declared main"),
        (lambda state: state.environments["prod"].update(deployment_branch_policy=None), "branches: none"),
    ],
)
def test_unprotected_prod_is_refused(
    protected: Path, github: GitHub, repository: Repository, change: Callable[[State], object], message: str
) -> None:
    """Whatever rule is missing, nothing is deployed, although somebody approved."""
    approve(github.state, "prod", "octocat")
    change(github.state)

    with pytest.raises(ProtectionMissing, match=message):
        run(protected, repository)


def test_environment_that_github_made_up_is_refused(checkout: Path, github: GitHub, repository: Repository) -> None:
    """A workflow that names a missing environment creates it without any rule; that is not protection."""
    repository.send("PUT", "environments/prod", {})
    approve(github.state, "prod", "octocat")

    with pytest.raises(ProtectionMissing, match="reviewers: none"):
        run(checkout, repository)


def test_way_around_prod_is_refused(protected: Path, github: GitHub, repository: Repository) -> None:
    """An environment beside prod that any branch may use opens the same account, so prod waits until it is fixed."""
    approve(github.state, "prod", "octocat")
    github.state.environments["prod-operations"]["deployment_branch_policy"] = None

    with pytest.raises(ProtectionMissing, match="prod-operations is not protected"):
        run(protected, repository)


def test_team_that_a_workflow_may_not_see_is_taken_by_number(
    protected: Path, github: GitHub, repository: Repository
) -> None:
    """A workflow's token may not be told the organisation's teams: one unnamed team stands for the declared one."""
    approve(github.state, "prod", "octocat")
    (rule,) = github.state.environments["prod"]["protection_rules"]
    (reviewer,) = rule["reviewers"]
    reviewer.pop("reviewer")

    assert run(protected, repository)["approver"] == "octocat"
    rule["reviewers"].append({"type": "Team"})
    with pytest.raises(ProtectionMissing, match="a team that this token may not see"):
        run(protected, repository)


def test_run_that_nobody_approved_is_refused(protected: Path, github: GitHub, repository: Repository) -> None:
    """Neither a rejection nor another environment's approval counts."""
    approve(github.state, "prod", "octocat", verdict="rejected")
    approve(github.state, "staging", "octocat")

    with pytest.raises(ProtectionMissing, match="no reviewer approved run 1"):
        run(protected, repository)


def test_prod_without_declared_reviewers_is_refused(protected: Path, repository: Repository) -> None:
    """Taking the reviewers out of the file does not open prod."""
    edit(
        protected,
        ".github/environments.json",
        lambda content: content["environments"]["prod"].update(reviewers="", prevent_self_review=False),
    )

    with pytest.raises(ProtectionMissing, match="names no reviewers"):
        run(protected, repository)


def test_registry_approval_stands_in_for_reviewers(protected: Path, github: GitHub, repository: Repository) -> None:
    """Where the plan knows no reviewers, the registry's word is asked, and no approver is named here."""
    github.state.environments["prod"]["protection_rules"] = []
    edit(protected, ".github/environments.json", _ask_the_registry)

    assert run(protected, repository) == {"approver": ""}


def test_registry_approval_that_nobody_asks_for_is_refused(protected: Path, repository: Repository) -> None:
    """The fallback holds only while prod.json requires it."""
    edit(protected, ".github/environments.json", _ask_the_registry)
    edit(protected, "infra/config/prod.json", lambda content: content["approval"].update(required=False))

    with pytest.raises(ProtectionMissing, match="neither reviewers nor the model registry"):
        run(protected, repository)


def test_dev_needs_no_approval(protected: Path, repository: Repository) -> None:
    """An environment without reviewers is checked for what it does declare."""
    assert run(protected, repository, "dev") == {"approver": ""}


def test_command_line_fails_closed(
    at_home: Path, github: GitHub, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In a workflow the refusal is an exit code of its own and a remark at the declaration."""
    monkeypatch.setenv("GITHUB_ACTIONS", "true")
    monkeypatch.setenv("GITHUB_REPOSITORY", github.state.name)
    monkeypatch.setenv("GITHUB_RUN_ID", "1")

    code = cli.main(["preflight", "--env", "prod"])

    assert code == ProtectionMissing.exit_code
    assert "::error file=.github/environments.json" in capsys.readouterr().out


def _ask_the_registry(content: Any) -> None:
    content["environments"]["prod"].update(reviewers="", prevent_self_review=False, approval="registry")
