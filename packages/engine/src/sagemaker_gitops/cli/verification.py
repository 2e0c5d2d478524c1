"""The command that asks an endpoint what it serves."""

from typing import Annotated

import typer

from sagemaker_gitops.cli.running import place, run
from sagemaker_gitops.project.config import Environment
from sagemaker_gitops.stages import verify as verify_stage

app = typer.Typer()

Env = Annotated[Environment, typer.Option("--env", help="The environment whose endpoint is asked.")]
Version = Annotated[int, typer.Option("--version", min=1, help="The version that must answer.")]


@app.command()
def verify(env: Env, version: Version) -> None:
    """Send requests to the endpoint: the release, the contract and the service level must hold."""
    options = verify_stage.Options(version=version, progress=place().progress)
    run(env, lambda settings, aws: verify_stage.run(settings, aws, options))
