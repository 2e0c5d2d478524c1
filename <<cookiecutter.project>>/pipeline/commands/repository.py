"""Commands that set up or ask GitHub."""

import os
from pathlib import Path
from typing import Annotated

import typer

from pipeline.commands import foundation
from pipeline.commands.running import place
from pipeline.config import Environment, Project, read_project
from pipeline.github.client import Repository
from pipeline.settings import Settings
from pipeline.stages import bootstrap_github as bootstrap_stage
from pipeline.stages import preflight as preflight_stage

app = typer.Typer()

Env = Annotated[Environment, typer.Option("--env", help="The environment that shall be deployed to.")]
Yes = Annotated[bool, typer.Option("--yes", help="Make the changes without asking.")]


@foundation.app.command("github")
def bootstrap_github(yes: Yes = False) -> None:
    """Show how GitHub differs from .github/environments.json, and make it as declared."""
    root = Path.cwd()
    project = read_project(root / "infra" / "config")

    def agreed(changes: str) -> bool:
        place().progress(f"to change:\n{changes}")
        return yes or typer.confirm("Make these changes?")

    options = bootstrap_stage.Options(agreed=agreed)
    place().succeeded(bootstrap_stage.run(root, project, open_repository(project), options))


@app.command()
def preflight(
    env: Env,
    run_id: Annotated[str, typer.Option(envvar="GITHUB_RUN_ID", help="The workflow run that wants to deploy.")] = "",
) -> None:
    """Refuse an environment that GitHub does not protect as declared."""
    settings = Settings.load(Path.cwd(), env, os.environ)
    options = preflight_stage.Options(run_id=run_id)
    place().succeeded(preflight_stage.run(settings, open_repository(settings.project_file), options))


def open_repository(project: Project) -> Repository:
    """Open the repository that this runs in, or else the one that project.json names."""
    return Repository(
        os.environ.get("GITHUB_REPOSITORY") or f"{project.github.owner}/{project.github.repository}",
        token=os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN"),
        url=os.environ.get("GITHUB_API_URL") or "https://api.github.com",
    )
