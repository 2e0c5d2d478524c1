"""The check-up: each thing that is missing on GitHub is named with what fixes it."""

from pathlib import Path

from sagemaker_gitops.github import checkup, protection
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.project.config import read_project
from sagemaker_gitops.project.problem import Problem
from sagemaker_gitops.stages import bootstrap_github
from sagemaker_gitops.stages.bootstrap_github import Options
from tests.engine.github.stand_in import GitHub


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


def test_repository_that_was_set_up_has_none(checkout: Path, repository: Repository) -> None:
    """After the set-up there is nothing to say."""
    project = read_project(checkout / "infra/config")
    bootstrap_github.run(checkout, project, repository, Options(agreed=lambda _: True))

    assert problems(checkout, repository) == ()


def test_limit_of_the_plan_comes_with_its_fallback(checkout: Path, github: GitHub, repository: Repository) -> None:
    """What no command can fix says what holds in its place."""
    github.state.private = True

    last = problems(checkout, repository)[-1]

    assert "Enterprise" in last.what
    assert "preflight refuses prod" in last.fix
