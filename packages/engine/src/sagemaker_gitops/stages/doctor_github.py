"""doctor's look at GitHub: what differs from .github/environments.json, and what the plan cannot do."""

from sagemaker_gitops.github import checkup, protection
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.project.problem import Ailment
from sagemaker_gitops.project.settings import Settings


def ailments(settings: Settings, repository: Repository) -> tuple[Ailment, ...]:
    """Name everything on GitHub that is not as declared."""
    declared = protection.declared(settings.root, settings.project_file)
    problems = checkup.problems(repository, declared)
    return tuple(Ailment(what=f"GitHub: {problem.what}", remedy=problem.mend) for problem in problems)
