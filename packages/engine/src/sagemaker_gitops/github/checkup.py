"""What is wrong with a repository's set-up, and what fixes it."""

from sagemaker_gitops.github import limits, plan
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.github.declaration import Declaration
from sagemaker_gitops.project.problem import Problem


def problems(repository: Repository, declaration: Declaration) -> tuple[Problem, ...]:
    """Find every difference from the declaration, and what the plan cannot do at all."""
    limit = limits.reach(repository)
    found = [
        Problem(what=f"{change.subject}: {difference}", fix="pipeline bootstrap github")
        for change in plan.plan(repository, limits.feasible(declaration, limit))
        for difference in change.differences
    ]
    beyond, _, fallback = limits.told(declaration, limit).partition(". ")
    return (*found, *([Problem(what=beyond, fix=fallback)] if beyond else []))
