"""doctor's look at GitHub: what differs from .github/environments.json, and what the plan cannot do."""

from sagemaker_gitops.github import checkup, protection
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.project.problem import Problem
from sagemaker_gitops.project.settings import Settings


def problems(settings: Settings, repository: Repository) -> tuple[Problem, ...]:
    """Name everything on GitHub that is not as declared."""
    declared = protection.declared(settings.root, settings.project_file)
    found = checkup.problems(repository, declared)
    return tuple(Problem(what=f"GitHub: {problem.what}", fix=problem.fix) for problem in found)
