"""Commands that make, check and remove what the pipeline needs on AWS."""

import os
from typing import Annotated

import typer

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.cli.running import place, run
from sagemaker_gitops.project.config import Environment
from sagemaker_gitops.project.problem import Problem
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages import bootstrap as bootstrap_stage
from sagemaker_gitops.stages import doctor as doctor_stage
from sagemaker_gitops.stages import teardown as teardown_stage
from sagemaker_gitops.stages.result import StageResult

app = typer.Typer(no_args_is_help=True, help="Make what the pipeline needs; safe to repeat.")
plain = typer.Typer()

Env = Annotated[Environment, typer.Option("--env", help="The environment whose settings and account are used.")]
Yes = Annotated[bool, typer.Option("--yes", help="Carry the plan out without asking.")]


@app.command("aws")
def bootstrap_aws(env: Env, yes: Yes = False) -> None:
    """Plan the stacks of infra/lib, show what would change, and make it so."""

    def agreed(plan: str) -> bool:
        place().progress(f"the plan:\n{plan}")
        return yes or typer.confirm("Carry it out?")

    options = bootstrap_stage.Options(progress=place().progress, agreed=agreed)
    run(env, lambda settings, aws: bootstrap_stage.run(settings, aws, options))


@plain.command()
def doctor(env: Env) -> None:
    """Say what is missing on AWS and GitHub or was changed by hand, and which command fixes it."""

    def act(settings: Settings, aws: Aws) -> StageResult:
        return doctor_stage.run(settings, aws, also=_github(settings))

    run(env, act)


@plain.command()
def teardown(
    env: Env,
    yes: Yes = False,
    shared: Annotated[bool, typer.Option("--shared", help="Also what all environments use.")] = False,
    data: Annotated[bool, typer.Option("--data", help="Also what holds data: models, captures, keys.")] = False,
) -> None:
    """Remove an environment from AWS, and say what stays behind and why."""

    def agreed(plan: str) -> bool:
        place().progress(f"to be removed:\n{plan}")
        return yes or typer.confirm("Remove it?")

    options = teardown_stage.Options(shared=shared, data=data, progress=place().progress, agreed=agreed)
    run(env, lambda settings, aws: teardown_stage.run(settings, aws, options))


def _github(settings: Settings) -> tuple[Problem, ...]:
    if not (os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN")):
        place().progress("GitHub was not looked at: set GITHUB_TOKEN")
        return ()
    # GitHub's client takes half a second to import.
    from sagemaker_gitops.cli.repository import open_repository  # noqa: PLC0415
    from sagemaker_gitops.stages import doctor_github  # noqa: PLC0415

    return doctor_github.problems(settings, open_repository(settings.project_file))
