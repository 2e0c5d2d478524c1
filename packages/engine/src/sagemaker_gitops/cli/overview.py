"""Commands that tell how things are: all environments, one release, the traffic."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sagemaker_gitops.cli.options import Env, Version
from sagemaker_gitops.cli.running import actor, connect, place, run, run_id, settings
from sagemaker_gitops.project.environments import ENVIRONMENTS, Environment

app = typer.Typer()


@app.command()
def status(env: Annotated[Environment | None, typer.Option("--env", help="This one alone.")] = None) -> None:
    """Tell what serves where, since when, by whose word, and whether it is well."""
    from sagemaker_gitops.stages import status as stage

    every = [settings(name) for name in ([env] if env else ENVIRONMENTS)]
    place().succeeded(stage.run([(chosen, connect(chosen)) for chosen in every]))


@app.command()
def card(
    env: Env,
    version: Version,
    folder: Annotated[Path, typer.Option("--folder", help="Where a folder for the version is made.")] = Path("reports"),
) -> None:
    """Write a version's model card: JSON, Markdown, and a page with plots."""
    from sagemaker_gitops.stages import card as stage

    options = stage.Options(version=version, folder=folder)
    run(env, lambda settings, aws: stage.run(settings, aws, options))


@app.command()
def monitor(
    env: Annotated[Environment, typer.Option("--env", help="The environment whose endpoint is watched.")],
    window: Annotated[
        str | None, typer.Option(help="24h, 7d or START/END in UTC; the environment's if not given.")
    ] = None,
    baseline: Annotated[Path | None, typer.Option(help="A folder to compare with, not the release's files.")] = None,
    engine: Annotated[
        Literal["own", "model-monitor"],
        typer.Option(help="model-monitor makes AWS's own schedules, where it still may."),
    ] = "own",
    rows: Annotated[Path | None, typer.Option(help="Parquet to judge instead of captured traffic.")] = None,
) -> None:
    """Compare captured traffic with the release's baseline: ok, drift, too little data, or broken."""
    from sagemaker_gitops.stages import monitor as stage

    run(
        env,
        lambda settings, aws: stage.run(
            settings,
            aws,
            stage.Options(
                progress=place().progress,
                actor=actor(aws),
                run=run_id(),
                window=window,
                baseline=baseline,
                rows=rows,
                engine=engine,
            ),
        ),
    )
