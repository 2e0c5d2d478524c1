"""What is wrong with a repository's set-up, and what mends it."""

from dataclasses import dataclass

from sagemaker_gitops.github import limits, plan
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.github.declaration import Declaration


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One thing that is not as it should be, and the command or step that mends it."""

    what: str
    mend: str


def problems(repository: Repository, declaration: Declaration) -> tuple[Problem, ...]:
    """Find every difference from the declaration, and what the plan cannot do at all."""
    limit = limits.reach(repository)
    found = [
        Problem(what=f"{change.subject}: {difference}", mend="pipeline bootstrap github")
        for change in plan.plan(repository, limits.feasible(declaration, limit))
        for difference in change.differences
    ]
    beyond, _, fallback = limits.told(declaration, limit).partition(". ")
    return (*found, *([Problem(what=beyond, mend=fallback)] if beyond else []))
