"""Commands that make, check and remove what the pipeline needs on AWS and GitHub."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sagemaker_gitops.cli.options import Env, Yes
from sagemaker_gitops.cli.repository import open_repository
from sagemaker_gitops.cli.running import place, run
from sagemaker_gitops.cli.sections import Group

if TYPE_CHECKING:
    from sagemaker_gitops.project.problem import Problem
    from sagemaker_gitops.project.settings import Settings

app = typer.Typer()
bootstrap = typer.Typer(cls=Group, no_args_is_help=True, help="Make what the pipeline needs; safe to repeat.")


@bootstrap.command("aws")
def bootstrap_aws(env: Env, yes: Yes = False) -> None:
    """Plan the stacks of infra/lib, show what would change, and make it so."""
    from sagemaker_gitops.stages import bootstrap as stage

    def agreed(plan: str) -> bool:
        place().progress(f"the plan:\n{plan}")
        return yes or typer.confirm("Carry it out?")

    options = stage.Options(progress=place().progress, agreed=agreed)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@bootstrap.command("github")
def bootstrap_github(
    yes: Annotated[bool, typer.Option("--yes", help="Make the changes without asking.")] = False,
) -> None:
    """Show how GitHub differs from .github/environments.json, and make it as declared."""
    from sagemaker_gitops.project.config import read_project
    from sagemaker_gitops.stages import bootstrap_github as stage

    root = Path.cwd()
    project = read_project(root / "infra" / "config")

    def agreed(changes: str) -> bool:
        place().progress(f"to change:\n{changes}")
        return yes or typer.confirm("Make these changes?")

    options = stage.Options(agreed=agreed)
    place().succeeded(stage.run(root, project, open_repository(project), options))


@app.command()
def doctor(env: Env) -> None:
    """Say what is missing on AWS and GitHub or was changed by hand, and which command fixes it."""
    from sagemaker_gitops.stages import doctor as stage

    run(env, lambda settings, aws: stage.run(settings, aws, also=_github(settings)))


@app.command()
def teardown(
    env: Env,
    yes: Yes = False,
    shared: Annotated[bool, typer.Option("--shared", help="Also what all environments use.")] = False,
    data: Annotated[bool, typer.Option("--data", help="Also what holds data: models, captures, keys.")] = False,
) -> None:
    """Remove an environment from AWS, and say what stays behind and why."""
    from sagemaker_gitops.stages import teardown as stage

    def agreed(plan: str) -> bool:
        place().progress(f"to be removed:\n{plan}")
        return yes or typer.confirm("Remove it?")

    options = stage.Options(shared=shared, data=data, progress=place().progress, agreed=agreed)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


def _github(settings: "Settings") -> tuple["Problem", ...]:
    if not (os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")):
        place().progress("GitHub was not looked at: set GITHUB_TOKEN")
        return ()
    from sagemaker_gitops.stages import doctor_github

    return doctor_github.problems(settings, open_repository(settings.project_file))
