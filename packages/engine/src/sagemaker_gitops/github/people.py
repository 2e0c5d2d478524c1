"""Who reviews: whether each reviewer may do what the declaration asks of them, and whether there are two people."""

from collections.abc import Iterator

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.github.client import Body, Repository
from sagemaker_gitops.github.declaration import Declaration
from sagemaker_gitops.project.problem import Problem

# With it GitHub answers what a team may do in the repository, without it only that it may do anything.
_WITH_PERMISSIONS = "application/vnd.github.v3.repository+json"
_WRITES = frozenset({"admin", "write"})


def require_two(repository: Repository, declaration: Declaration) -> None:
    """Refuse rules under which the only reviewer is whoever sets them up: nothing could ever be merged or released."""
    names = {
        name for env in declaration.environments.values() if env.prevent_self_review for name in env.reviewer_names
    }
    if not names:
        return
    me = str((repository.get("/user", hidden_ok=True) or {}).get("login", "")).lower()
    if {person for name in names for person in _people(repository, name)} == {me}:
        raise ConfigurationError(
            f"{me} would be the only reviewer, and nobody may approve their own release",
            where="github.reviewers in infra/config/project.json",
            next_step="name a second person or a team of several, also in .github/CODEOWNERS;"
            " docs/howto/solo.md says what one person alone gives up, and how",
        )


def problems(repository: Repository, declaration: Declaration) -> tuple[Problem, ...]:
    """Find what makes a review void although it is declared."""
    names = sorted({name for env in declaration.environments.values() for name in env.reviewer_names})
    return (
        *(_void(repository, name) for name in names if not _writes(repository, name)),
        *_errors(repository),
        *_bypasses(repository, declaration),
    )


def _people(repository: Repository, name: str) -> set[str]:
    login = name.removeprefix("@")
    owner, _, team = login.partition("/")
    if not team:
        return {login}
    return {str(member["login"]).lower() for member in repository.listed(f"/orgs/{owner}/teams/{team}/members")}


def _writes(repository: Repository, name: str) -> bool:
    login = name.removeprefix("@")
    owner, _, team = login.partition("/")
    if not team:
        found = repository.get(f"collaborators/{login}/permission")
        return found is not None and found.get("permission") in _WRITES
    path = f"/orgs/{owner}/teams/{team}/repos/{repository.name}"
    rights = (repository.get(path, accept=_WITH_PERMISSIONS) or {}).get("permissions")
    return isinstance(rights, dict) and bool(rights.get("push"))


def _void(repository: Repository, name: str) -> Problem:
    login = name.removeprefix("@")
    owner, _, team = login.partition("/")
    place = f"orgs/{owner}/teams/{team}/repos/{repository.name}" if team else ""
    return Problem(
        what=f"{name} may not write to the repository, so GitHub takes no word of theirs as a code owner's",
        fix=f"gh api --method PUT {place or f'repos/{repository.name}/collaborators/{login}'} -f permission=push",
    )


def _errors(repository: Repository) -> Iterator[Problem]:
    found = (repository.get("codeowners/errors") or {}).get("errors")
    for error in found if isinstance(found, list) else []:
        if isinstance(error, dict):
            yield Problem(
                what=f"{error.get('path')} line {error.get('line')}: {error.get('kind')}, so this line is void",
                fix="correct the line: each owner is @user or @org/team, exists, and may write to the repository",
            )


def _bypasses(repository: Repository, declaration: Declaration) -> Iterator[Problem]:
    """Look for what GitHub's interface shows, and lets nobody change: its settings page alone does."""
    for name, env in declaration.environments.items():
        actual: Body = repository.get(f"environments/{name}") or {}
        if env.reviewers and not env.admins_may_bypass and actual.get("can_admins_bypass") is True:
            yield Problem(
                what=f"environment {name}: administrators may release without the reviewers",
                fix=f"on GitHub, Settings > Environments > {name}: take the mark from `Allow administrators to bypass`",
            )
