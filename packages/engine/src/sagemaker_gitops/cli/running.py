"""What every command shares: the place it runs in, the settings of its environment, and AWS."""

import os
from collections.abc import Callable
from contextvars import ContextVar
from pathlib import Path
from typing import TYPE_CHECKING

from sagemaker_gitops.cli.runner import Runner
from sagemaker_gitops.project.environments import Environment
from sagemaker_gitops.stages.result import StageResult

if TYPE_CHECKING:
    from sagemaker_gitops.aws.services import Aws
    from sagemaker_gitops.project.settings import Settings

_place: ContextVar[Runner] = ContextVar("place")


def run_in(place: Runner) -> None:
    """Choose where results are told from here on."""
    _place.set(place)


def place() -> Runner:
    """Where results are told."""
    return _place.get()


def settings(env: Environment) -> "Settings":
    """Read the settings of an environment of the project in the working directory."""
    from sagemaker_gitops.project.settings import Settings

    return Settings.load(Path.cwd(), env, os.environ)


def run(env: Environment, act: Callable[["Settings", "Aws"], StageResult]) -> None:
    """Run a stage with the settings and the services of `env`, and tell what it returned."""
    chosen = settings(env)
    place().succeeded(act(chosen, connect(chosen)))


def connect(settings: "Settings") -> "Aws":
    """Open the services of the environment that the settings describe."""
    from sagemaker_gitops.aws.services import Aws, Places
    from sagemaker_gitops.aws.session import open_session

    return Aws(
        open_session(settings.region),
        Places(
            region=settings.region,
            account=settings.account,
            registry_account=settings.registry_account,
            env=settings.env,
            model_group=settings.model_group,
            ledger_table=settings.ledger_table,
            ledger_bucket=settings.ledger_bucket,
            lease_table=settings.lease_table,
            active_table=settings.active_table,
            capture_bucket=settings.capture_bucket,
            environment_key=settings.environment_key,
            poll_seconds=settings.aws.poll_seconds,
        ),
    )


def actor(aws: "Aws", named: str | None = None) -> str:
    """Name who acts: the one who was named, or whom GitHub or AWS knows."""
    return named or os.environ.get("GITHUB_ACTOR") or aws.caller()


def run_id() -> str:
    """Name the run as its place does, so that a repeated run is recognised."""
    if number := os.environ.get("GITHUB_RUN_ID"):
        return f"{os.environ.get('GITHUB_REPOSITORY', '')}/actions/runs/{number}"
    return os.environ.get("CODEBUILD_BUILD_ID", "")


def commit_of_checkout() -> str:
    """Name the commit that is being built."""
    from sagemaker_gitops.project import git

    return os.environ.get("GITHUB_SHA") or git.head(Path.cwd()) or "uncommitted"
