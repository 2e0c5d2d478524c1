"""What a pull request runs: what changed, and what model it makes."""

import os
from pathlib import Path
from typing import Annotated

import typer

from sagemaker_gitops.cli.running import connect, place
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages import plan as plan_stage

app = typer.Typer()


@app.command()
def plan(base: Annotated[str, typer.Option(help="Commit to compare with, such as origin/main.")]) -> None:
    """Say which checks a change can affect."""
    place().succeeded(plan_stage.run(Path.cwd(), plan_stage.Options(base=base)))


@app.command()
def rehearse(
    base: Annotated[str, typer.Option(help="Commit whose model to compare with, such as origin/main.")] = "",
    *,
    champion: Annotated[
        bool, typer.Option("--champion", help="Compare with the registry's newest approved version; AWS is asked.")
    ] = False,
) -> None:
    """Train here on the sample data and hold the model against every mark; AWS is asked for a champion at most."""
    # It imports numpy, which the other commands would wait for at each start.
    from sagemaker_gitops.stages import rehearse as rehearse_stage  # noqa: PLC0415

    # Every environment's settings name the same registry.
    aws = connect(Settings.load(Path.cwd(), "dev", os.environ)) if champion else None
    options = rehearse_stage.Options(base=base or None, progress=place().progress, aws=aws)
    place().succeeded(rehearse_stage.run(Path.cwd(), options))
