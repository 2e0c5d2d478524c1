"""The monitor's command line."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.aws.services import Aws
from pipeline.commands.running import actor, place, run, run_id
from pipeline.config import Environment
from pipeline.result import StageResult
from pipeline.settings import Settings

app = typer.Typer()


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
    # SciPy and NumPy take 0.3 s to import, which no other command should wait for.
    from pipeline.stages import monitor as stage  # noqa: PLC0415

    def act(settings: Settings, aws: Aws) -> StageResult:
        options = stage.Options(
            progress=place().progress,
            actor=actor(aws),
            run=run_id(),
            window=window,
            baseline=baseline,
            rows=rows,
            engine=engine,
        )
        return stage.run(settings, aws, options)

    run(env, act)
