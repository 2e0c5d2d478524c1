"""Commands for more than one job: a search for hyperparameters, and SageMaker's own orchestration."""

from typing import Annotated

import typer

from sagemaker_gitops.build.recipe import Choice
from sagemaker_gitops.cli.building import Data, Env, Parent, commit_of_checkout
from sagemaker_gitops.cli.running import place, run
from sagemaker_gitops.stages import orchestrate as orchestrate_stage
from sagemaker_gitops.stages import tune as tune_stage

app = typer.Typer()


@app.command()
def tune(
    env: Env,
    jobs: Annotated[int | None, typer.Option(min=1, max=750, help="So many trials, instead of tuning.json's.")] = None,
    *,
    write: Annotated[
        bool, typer.Option("--write", help="Write the best into model/config/hyperparameters.json.")
    ] = False,
) -> None:
    """Try the hyperparameters of model/config/tuning.json on managed compute, and propose the best."""
    options = tune_stage.Options(progress=place().progress, jobs=jobs, write=write)
    run(env, lambda settings, aws: tune_stage.run(settings, aws, options))


@app.command()
def orchestrate(
    env: Env,
    parent: Parent = None,
    data: Data = None,
    *,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only write the definition.")] = False,
) -> None:
    """Have SageMaker Pipelines train, test and register this commit's model."""
    options = orchestrate_stage.Options(
        progress=place().progress,
        choice=Choice(parent=parent, data=data),
        commit=commit_of_checkout(),
        dry_run=dry_run,
    )
    run(env, lambda settings, aws: orchestrate_stage.run(settings, aws, options))
