"""What a pull request runs without credentials: what changed, and what model it makes."""

from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.running import place
from pipeline.stages import plan as plan_stage

app = typer.Typer()


@app.command()
def plan(base: Annotated[str, typer.Option(help="Commit to compare with, such as origin/main.")]) -> None:
    """Say which checks a change can affect."""
    place().succeeded(plan_stage.run(Path.cwd(), plan_stage.Options(base=base)))


@app.command()
def rehearse(
    base: Annotated[str, typer.Option(help="Commit whose model to compare with, such as origin/main.")] = "",
) -> None:
    """Train here on the sample data and hold the model against every mark; no AWS is needed."""
    # It imports numpy, which the other commands would wait for at each start.
    from pipeline.stages import rehearse as rehearse_stage  # noqa: PLC0415

    options = rehearse_stage.Options(base=base or None, progress=place().progress)
    place().succeeded(rehearse_stage.run(Path.cwd(), options))
