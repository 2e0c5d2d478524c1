"""The check-up: each thing that is missing on GitHub is named with what fixes it."""

from collections.abc import Callable
from pathlib import Path

import pytest
from sagemaker_gitops.github import checkup, protection
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.project.config import read_project
from sagemaker_gitops.project.problem import Problem
from sagemaker_gitops.stages import bootstrap_github
from sagemaker_gitops.stages.bootstrap_github import Options
from tests.engine.github.stand_in import GitHub
from tests.engine.github.state import State


def problems(root: Path, repository: Repository) -> tuple[Problem, ...]:
    """Check the repository up."""
    return checkup.problems(repository, protection.declared(root, read_project(root / "infra/config")))


def test_fresh_repository_lacks_everything(checkout: Path, repository: Repository) -> None:
    """Each environment rule and variable is a problem of its own."""
    found = {item.what for item in problems(checkout, repository)}

    assert "environment prod: reviewers: none → @example-bank/ml-reviewers" in found
    assert "environment dev: variable AWS_REGION: missing → eu-west-1" in found
    assert "ruleset main: ruleset: missing → present" in found
    assert {item.fix for item in problems(checkout, repository)} == {"pipeline bootstrap github"}


VOID: dict[str, tuple[Callable[[State], object], str]] = {
    "team that only reads": (
        lambda state: state.access.update({"ml-reviewers": "pull"}),
        "@example-bank/ml-reviewers may not write to the repository",
    ),
    "team without the repository": (
        lambda state: state.access.pop("ml-reviewers"),
        "@example-bank/ml-reviewers may not write to the repository",
    ),
    "line that GitHub does not understand": (
        lambda state: state.owners_errors.append(
            {"line": 3, "column": 1, "kind": "Unknown owner", "message": "Unknown owner", "path": ".github/CODEOWNERS"}
        ),
        ".github/CODEOWNERS line 3: Unknown owner",
    ),
    "nothing pushed": (lambda state: setattr(state, "pushed", False), "nothing was pushed yet"),
}


@pytest.mark.parametrize("name", VOID)
def test_void_review_is_found(checkout: Path, github: GitHub, repository: Repository, name: str) -> None:
    """A code owner who may only read, or a line that GitHub does not take, protects nothing and looks as if it did."""
    spoil, told = VOID[name]
    spoil(github.state)

    assert any(told in item.what for item in problems(checkout, repository))


def test_repository_that_was_set_up_has_none(checkout: Path, github: GitHub, repository: Repository) -> None:
    """After the set-up one thing is left, which GitHub lets nobody change but on its settings page."""
    project = read_project(checkout / "infra/config")
    bootstrap_github.run(checkout, project, repository, Options(agreed=lambda _: True))

    (left,) = problems(checkout, repository)
    assert left.what == "environment prod: administrators may release without the reviewers"
    github.state.environments["prod"]["can_admins_bypass"] = False
    assert problems(checkout, repository) == ()


def test_limit_of_the_plan_comes_with_its_fallback(checkout: Path, github: GitHub, repository: Repository) -> None:
    """What no command can fix says what holds in its place."""
    github.state.private = True

    last = problems(checkout, repository)[-1]

    assert "Enterprise" in last.what
    assert "preflight refuses prod" in last.fix
