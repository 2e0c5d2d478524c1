"""Commands that ask GitHub."""

import os
from typing import TYPE_CHECKING, Annotated

import typer

from sagemaker_gitops.cli.options import Env
from sagemaker_gitops.cli.running import place, settings

if TYPE_CHECKING:
    from sagemaker_gitops.github.client import Repository
    from sagemaker_gitops.project.config import Project

app = typer.Typer()


@app.command()
def preflight(
    env: Env,
    run_id: Annotated[str, typer.Option(envvar="GITHUB_RUN_ID", help="The workflow run that wants to deploy.")] = "",
) -> None:
    """Refuse an environment that GitHub does not protect as declared."""
    from sagemaker_gitops.stages import preflight as stage

    chosen = settings(env)
    options = stage.Options(run_id=run_id)
    place().succeeded(stage.run(chosen, open_repository(chosen.project_file), options))


@app.command()
def page(
    env: Env,
    run_id: Annotated[str, typer.Option(envvar="GITHUB_RUN_ID", help="The workflow run that watched.")] = "",
) -> None:
    """Open, update or close the environment's one issue, as the monitor's last report asks."""
    from sagemaker_gitops.stages import page as stage

    chosen = settings(env)
    repository = open_repository(chosen.project_file)
    server = os.environ.get("GITHUB_SERVER_URL", "https://github.com")
    options = stage.Options(run_url=f"{server}/{repository.name}/actions/runs/{run_id}")
    place().succeeded(stage.run(chosen, repository, options))


@app.command()
def supersede(
    env: Env,
    run_id: Annotated[int, typer.Option(envvar="GITHUB_RUN_ID", min=1, help="The newer workflow run.")],
) -> None:
    """End older runs that still wait for an environment's reviewers."""
    from sagemaker_gitops.stages import supersede as stage

    chosen = settings(env)
    options = stage.Options(env=env, run_id=run_id)
    place().succeeded(stage.run(open_repository(chosen.project_file), options))


def open_repository(project: "Project") -> "Repository":
    """Open the repository that this runs in, or else the one that project.json names."""
    from sagemaker_gitops.github.client import Repository

    return Repository(
        os.environ.get("GITHUB_REPOSITORY") or f"{project.github.owner}/{project.github.repository}",
        token=os.environ.get("GITHUB_TOKEN") or os.environ.get("GH_TOKEN"),
        url=os.environ.get("GITHUB_API_URL") or "https://api.github.com",
    )
