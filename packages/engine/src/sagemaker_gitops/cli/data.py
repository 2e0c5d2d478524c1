"""Commands around the data set, in Git, S3 and DVC, and around Feature Store, which serving.features switches on."""

from pathlib import Path
from typing import Annotated

import typer

from sagemaker_gitops.cli.options import Env
from sagemaker_gitops.cli.running import place, run, settings
from sagemaker_gitops.cli.sections import Group

app = typer.Typer(cls=Group, help="Version the data set: commit, push, pull and diff.")
features = typer.Typer(
    cls=Group, help="Keep the model's inputs in Feature Store: define, ingest, training-set and lookup."
)


@app.command()
def commit(env: Env = "dev") -> None:
    """Write the pointers that Git keeps, for the data as it is now."""
    from sagemaker_gitops.stages import data as stage

    place().succeeded(stage.commit(settings(env)))


@app.command()
def push(env: Env = "dev") -> None:
    """Bring the data to DVC's remote, and to where training jobs read it."""
    from sagemaker_gitops.stages import data as stage

    options = stage.Options(progress=place().progress)
    run(env, lambda settings, aws: stage.push(settings, aws, options))


@app.command()
def pull(env: Env = "dev") -> None:
    """Fetch the files that this commit's pointers name."""
    from sagemaker_gitops.stages import data as stage

    options = stage.Options(progress=place().progress)
    run(env, lambda settings, _: stage.pull(settings, options))


@app.command()
def diff(env: Env = "dev", base: Annotated[str, typer.Option(help="The commit to compare with.")] = "HEAD") -> None:
    """Say which rows, columns and distributions changed."""
    from sagemaker_gitops.stages import data as stage

    place().succeeded(stage.diff(settings(env), stage.Options(progress=place().progress, base=base)))


@features.command()
def define(env: Env = "dev") -> None:
    """Show the feature group that schema.json defines, and require that AWS has it."""
    from sagemaker_gitops.stages import features as stage

    run(env, stage.define)


@features.command()
def ingest(env: Env = "dev") -> None:
    """Bring this commit's data set into the store, once for the same data and schema."""
    from sagemaker_gitops.stages import features as stage

    options = stage.Options(progress=place().progress)
    run(env, lambda settings, aws: stage.ingest(settings, aws, options))


@features.command()
def training_set(
    as_of: Annotated[str, typer.Option(help="What had been written by then counts as known: an ISO-8601 time.")],
    output: Annotated[Path, typer.Option(help="The CSV file to write.")],
    env: Env = "dev",
    labels: Annotated[
        Path | None, typer.Option(help="A CSV file of ids, labels and their times; the data set if not given.")
    ] = None,
) -> None:
    """Write labels with the features that were true at their time."""
    from sagemaker_gitops.stages import features as stage

    options = stage.Options(progress=place().progress)
    wanted = stage.Wanted(as_of=as_of, output=output, labels=labels)
    run(env, lambda settings, aws: stage.training_set(settings, aws, wanted, options))


@features.command()
def lookup(
    ids: Annotated[list[str], typer.Option("--id", help="A record's id; repeatable.")], env: Env = "dev"
) -> None:
    """Show the request that the features of some ids make."""
    from sagemaker_gitops.stages import features as stage

    run(env, lambda settings, aws: stage.lookup(settings, aws, ids))
