"""The protection that .github/environments.json declares, with this project's accounts and reviewers."""

from pathlib import Path

from sagemaker_gitops.github import declaration
from sagemaker_gitops.github.declaration import Declaration
from sagemaker_gitops.project.config import Project
from sagemaker_gitops.project.environments import ENVIRONMENTS, Environment


def declared(root: Path, project: Project) -> Declaration:
    """Read the declaration and fill in what project.json knows."""
    return declaration.read(root, {env: _words(project, env) for env in ENVIRONMENTS})


def _words(project: Project, env: Environment) -> dict[str, str]:
    return {
        "account": getattr(project.accounts, env),
        "project": project.project,
        "region": project.region,
        "registry_account": project.registry_account,
        "reviewers": project.github.reviewers,
        "runs_on": project.github.runs_on,
    }
