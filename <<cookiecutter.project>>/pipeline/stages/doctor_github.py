"""doctor's look at GitHub: what differs from .github/environments.json, and what the plan cannot do."""

from pipeline import protection
from pipeline.ailment import Ailment
from pipeline.github import checkup
from pipeline.github.client import Repository
from pipeline.settings import Settings


def ailments(settings: Settings, repository: Repository) -> tuple[Ailment, ...]:
    """Name everything on GitHub that is not as declared."""
    declared = protection.declared(settings.root, settings.project_file)
    problems = checkup.problems(repository, declared)
    return tuple(Ailment(what=f"GitHub: {problem.what}", remedy=problem.mend) for problem in problems)
