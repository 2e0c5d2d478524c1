"""What is wrong with a repository's set-up, and what fixes it."""

from sagemaker_gitops.github import limits, people, plan
from sagemaker_gitops.github.client import Repository
from sagemaker_gitops.github.declaration import Declaration
from sagemaker_gitops.project.problem import Problem

FIRST_PUSH = "push main, then `pipeline bootstrap github` once more"


def problems(repository: Repository, declaration: Declaration) -> tuple[Problem, ...]:
    """Find every difference from the declaration, and what the plan cannot do at all."""
    limit = limits.reach(repository)
    possible = limits.feasible(declaration, limit)
    begun = limits.begun(repository)
    found = [
        Problem(what=f"{change.subject}: {difference}", fix="pipeline bootstrap github")
        for change in plan.plan(repository, possible if begun else limits.before_first_push(possible))
        for difference in change.differences
    ]
    if not begun:
        found.append(Problem(what="nothing was pushed yet, so that nothing protects main", fix=FIRST_PUSH))
    found += people.problems(repository, possible)
    beyond, _, fallback = limits.told(declaration, limit).partition(". ")
    return (*found, *([Problem(what=beyond, fix=fallback)] if beyond else []))
