"""Commands around the data set: pointers in Git, content in S3, moved by DVC."""

import os
from pathlib import Path
from typing import Annotated

import typer

from sagemaker_gitops.cli.running import place, run
from sagemaker_gitops.project.config import Environment
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages import data as data_stage

app = typer.Typer(help="Version the data set: commit, push, pull and diff.")

Env = Annotated[Environment, typer.Option("--env", help="The environment whose settings and account are used.")]


@app.command()
def commit(env: Env = "dev") -> None:
    """Write the pointers that Git keeps, for the data as it is now."""
    place().succeeded(data_stage.commit(Settings.load(Path.cwd(), env, os.environ)))


@app.command()
def push(env: Env = "dev") -> None:
    """Bring the data to DVC's remote, and to where training jobs read it."""
    options = data_stage.Options(progress=place().progress)
    run(env, lambda settings, aws: data_stage.push(settings, aws, options))


@app.command()
def pull(env: Env = "dev") -> None:
    """Fetch the files that this commit's pointers name."""
    options = data_stage.Options(progress=place().progress)
    run(env, lambda settings, _: data_stage.pull(settings, options))


@app.command()
def diff(env: Env = "dev", base: Annotated[str, typer.Option(help="The commit to compare with.")] = "HEAD") -> None:
    """Say which rows, columns and distributions changed."""
    options = data_stage.Options(progress=place().progress, base=base)
    place().succeeded(data_stage.diff(Settings.load(Path.cwd(), env, os.environ), options))
