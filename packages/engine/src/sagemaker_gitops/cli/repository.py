"""Commands that set up or ask GitHub.

Its client takes half a second to import, so only these commands do.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sagemaker_gitops.cli import foundation
from sagemaker_gitops.cli.running import place
from sagemaker_gitops.project.config import Environment, Project, read_project
from sagemaker_gitops.project.settings import Settings

if TYPE_CHECKING:
    from sagemaker_gitops.github.client import Repository

app = typer.Typer()

Env = Annotated[Environment, typer.Option("--env", help="The environment that is meant.")]
Yes = Annotated[bool, typer.Option("--yes", help="Make the changes without asking.")]


@foundation.app.command("github")
def bootstrap_github(yes: Yes = False) -> None:
    """Show how GitHub differs from .github/environments.json, and make it as declared."""
    from sagemaker_gitops.stages import bootstrap_github as stage  # noqa: PLC0415

    root = Path.cwd()
    project = read_project(root / "infra" / "config")

    def agreed(changes: str) -> bool:
        place().progress(f"to change:\n{changes}")
        return yes or typer.confirm("Make these changes?")

    options = stage.Options(agreed=agreed)
    place().succeeded(stage.run(root, project, open_repository(project), options))


@app.command()
def preflight(
    env: Env,
    run_id: Annotated[str, typer.Option(envvar="GITHUB_RUN_ID", help="The workflow run that wants to deploy.")] = "",
) -> None:
    """Refuse an environment that GitHub does not protect as declared."""
    from sagemaker_gitops.stages import preflight as stage  # noqa: PLC0415

    settings = Settings.load(Path.cwd(), env, os.environ)
    options = stage.Options(run_id=run_id)
    place().succeeded(stage.run(settings, open_repository(settings.project_file), options))


@app.command()
def page(
    env: Env,
    run_id: Annotated[str, typer.Option(envvar="GITHUB_RUN_ID", help="The workflow run that watched.")] = "",
) -> None:
    """Open, update or close the environment's one issue, as the monitor's last report asks."""
    from sagemaker_gitops.stages import page as stage  # noqa: PLC0415

    settings = Settings.load(Path.cwd(), env, os.environ)
    repository = open_repository(settings.project_file)
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    options = stage.Options(run_url=f"{server}/{repository.name}/actions/runs/{run_id}")
    place().succeeded(stage.run(settings, repository, options))


def open_repository(project: Project) -> "Repository":
    """Open the repository that this runs in, or else the one that project.json names."""
    from sagemaker_gitops.github.client import Repository  # noqa: PLC0415

    return Repository(
        os.environ.get("GITHUB_REPOSITORY") or f"{project.github.owner}/{project.github.repository}",
        token=os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN"),
        url=os.environ.get("GITHUB_API_URL") or "https://api.github.com",
    )
