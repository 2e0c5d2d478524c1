"""Commands that tell about everything at once: all environments, or all about one release."""

import os
from pathlib import Path
from typing import Annotated

import typer

from sagemaker_gitops.cli.running import connect, place, run
from sagemaker_gitops.project.config import ENVIRONMENTS, Environment
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages import card as card_stage
from sagemaker_gitops.stages import status as status_stage

app = typer.Typer()


@app.command()
def status(env: Annotated[Environment | None, typer.Option("--env", help="This one alone.")] = None) -> None:
    """Tell what serves where, since when, by whose word, and whether it is well."""
    every = [Settings.load(Path.cwd(), name, os.environ) for name in ([env] if env else ENVIRONMENTS)]
    place().succeeded(status_stage.run([(settings, connect(settings)) for settings in every]))


@app.command()
def card(
    env: Annotated[Environment, typer.Option("--env", help="The environment whose settings and account are used.")],
    version: Annotated[int, typer.Option("--version", min=1, help="A version of the model registry.")],
    folder: Annotated[Path, typer.Option("--folder", help="Where a folder for the version is made.")] = Path("reports"),
) -> None:
    """Write a version's model card: JSON, Markdown, and a page with plots."""
    options = card_stage.Options(version=version, folder=folder)
    run(env, lambda settings, aws: card_stage.run(settings, aws, options))
