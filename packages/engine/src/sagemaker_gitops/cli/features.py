"""Commands around Feature Store: off unless serving.features says store."""

from pathlib import Path
from typing import Annotated

import typer

from sagemaker_gitops.cli.running import place, run
from sagemaker_gitops.project.config import Environment
from sagemaker_gitops.stages import features as features_stage

app = typer.Typer(help="Keep the model's inputs in Feature Store: define, ingest, training-set and lookup.")

Env = Annotated[Environment, typer.Option("--env", help="The environment whose settings and account are used.")]


@app.command()
def define(env: Env = "dev") -> None:
    """Show the feature group that schema.json defines, and require that AWS has it."""
    run(env, features_stage.define)


@app.command()
def ingest(env: Env = "dev") -> None:
    """Bring this commit's data set into the store, once for the same data and schema."""
    options = features_stage.Options(progress=place().progress)
    run(env, lambda settings, aws: features_stage.ingest(settings, aws, options))


@app.command()
def training_set(
    as_of: Annotated[str, typer.Option(help="What had been written by then counts as known: an ISO-8601 time.")],
    output: Annotated[Path, typer.Option(help="The CSV file to write.")],
    env: Env = "dev",
    labels: Annotated[
        Path | None, typer.Option(help="A CSV file of ids, labels and their times; the data set if not given.")
    ] = None,
) -> None:
    """Write labels with the features that were true at their time."""
    options = features_stage.Options(progress=place().progress)
    wanted = features_stage.Wanted(as_of=as_of, output=output, labels=labels)
    run(env, lambda settings, aws: features_stage.training_set(settings, aws, wanted, options))


@app.command()
def lookup(
    ids: Annotated[list[str], typer.Option("--id", help="A record's id; repeatable.")], env: Env = "dev"
) -> None:
    """Show the request that the features of some ids make."""
    run(env, lambda settings, aws: features_stage.lookup(settings, aws, ids))
