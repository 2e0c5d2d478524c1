"""The monitor's command line."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.cli.running import actor, place, run, run_id
from sagemaker_gitops.project.config import Environment
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages.result import StageResult

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
    from sagemaker_gitops.stages import monitor as stage  # noqa: PLC0415

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
