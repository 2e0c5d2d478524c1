"""The command that looks at every environment at once."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands.running import connect, place
from pipeline.config import ENVIRONMENTS, Environment
from pipeline.settings import Settings
from pipeline.stages import status as status_stage

app = typer.Typer()


@app.command()
def status(env: Annotated[Environment | None, typer.Option("--env", help="This one alone.")] = None) -> None:
    """Tell what serves where, since when, by whose word, and whether it is well."""
    every = [Settings.load(Path.cwd(), name, os.environ) for name in ([env] if env else ENVIRONMENTS)]
    place().succeeded(status_stage.run([(settings, connect(settings)) for settings in every]))
