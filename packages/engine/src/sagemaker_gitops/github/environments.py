"""Environments as they are on GitHub, and the requests that make them as declared."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from pydantic import JsonValue

from sagemaker_gitops.errors import GitHubRefused
from sagemaker_gitops.github.client import Body, Repository
from sagemaker_gitops.github.declaration import Environment

# What a reviewer is called whom GitHub does not name to a workflow's token, which sees no teams of the organisation.
HIDDEN_TEAM = "@a team that this token may not see"


@dataclass(frozen=True, kw_only=True)
class Difference:
    """One setting that is not as declared, in words."""

    key: str
    actual: str
    declared: str

    def __str__(self) -> str:
        return f"{self.key}: {self.actual} → {self.declared}"


@dataclass(frozen=True, kw_only=True)
class Protection:
    """What stands between a commit and an environment."""

    reviewers: tuple[str, ...] = ()
    prevent_self_review: bool = False
    wait_minutes: int = 0
    branches: tuple[str, ...] = ()

    @classmethod
    def declared(cls, env: Environment) -> "Protection":
        """Take the protection out of a declaration."""
        return cls(
            reviewers=env.reviewer_names,
            prevent_self_review=env.prevent_self_review,
            wait_minutes=env.wait_minutes,
            branches=tuple(sorted(env.branches)),
        )


def protection(repository: Repository, name: str) -> Protection | None:
    """Read an environment's protection; None if there is no such environment."""
    path = f"environments/{name}"
    found = repository.get(path)
    if found is None:
        return None
    rules = {str(rule["type"]): rule for rule in _dicts(found.get("protection_rules"))}
    reviews, wait = rules.get("required_reviewers", {}), rules.get("wait_timer", {})
    policies = repository.listed(f"{path}/deployment-branch-policies", under="branch_policies")
    return Protection(
        reviewers=tuple(sorted(_name(item, repository.owner) for item in _dicts(reviews.get("reviewers")))),
        prevent_self_review=bool(reviews.get("prevent_self_review")),
        wait_minutes=int(str(wait.get("wait_timer", 0))),
        branches=tuple(sorted(str(item["name"]) for item in policies)) if found.get("deployment_branch_policy") else (),
    )


def variables(repository: Repository, path: str) -> Mapping[str, str]:
    """Read the variables of an environment or of the repository."""
    listed = repository.listed(path, under="variables")
    return {str(item["name"]): str(item["value"]) for item in listed}


def differences(declared: Protection, actual: Protection) -> tuple[Difference, ...]:
    """List every rule that is not as declared."""
    actual = replace(actual, reviewers=_recognised(declared.reviewers, actual.reviewers))
    return tuple(
        Difference(key=key, actual=_words(getattr(actual, key)), declared=_words(getattr(declared, key)))
        for key in ("reviewers", "prevent_self_review", "wait_minutes", "branches")
        if getattr(actual, key) != getattr(declared, key)
    )


def _recognised(declared: tuple[str, ...], actual: tuple[str, ...]) -> tuple[str, ...]:
    """Take teams that a token may not see by name for declared ones, one for one: their number is seen."""
    unseen = [name for name in declared if "/" in name and name not in actual]
    named = [unseen.pop(0) if name == HIDDEN_TEAM and unseen else name for name in actual]
    return tuple(sorted(named))


def body(repository: Repository, declared: Protection) -> Body:
    """Write the request that sets every rule but the branches' names."""
    reviewers: list[JsonValue] = [dict(_reviewer(repository, name)) for name in declared.reviewers]
    policy: JsonValue = {"protected_branches": False, "custom_branch_policies": True} if declared.branches else None
    return {
        "wait_timer": declared.wait_minutes,
        "prevent_self_review": declared.prevent_self_review,
        "reviewers": reviewers or None,
        "deployment_branch_policy": policy,
    }


def branch_policy_ids(repository: Repository, name: str) -> Mapping[str, str]:
    """Find GitHub's number for each branch that may deploy."""
    listed = repository.listed(f"environments/{name}/deployment-branch-policies", under="branch_policies")
    return {str(item["name"]): str(item["id"]) for item in listed}


def _reviewer(repository: Repository, name: str) -> Body:
    login = name.removeprefix("@")
    owner, _, team = login.partition("/")
    found = repository.get(f"/orgs/{owner}/teams/{team}" if team else f"/users/{login}")
    if found is None:
        raise GitHubRefused(
            f"there is no {'team' if team else 'user'} {name}, or the token cannot see it",
            where="github.reviewers in infra/config/project.json",
            next_step="correct the name, or give the token `read:org`",
        )
    return {"type": "Team" if team else "User", "id": found["id"]}


def _name(reviewer: Body, owner: str) -> str:
    who = reviewer.get("reviewer")
    known: Body = who if isinstance(who, dict) else {}
    if reviewer.get("type") == "Team":
        return f"@{owner}/{known['slug']}".lower() if "slug" in known else HIDDEN_TEAM
    return f"@{known.get('login')}".lower()


def _dicts(value: JsonValue) -> list[dict[str, JsonValue]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _words(value: tuple[str, ...] | bool | int) -> str:  # noqa: FBT001  a value to show, not a switch
    if isinstance(value, tuple):
        return ", ".join(value) or "none"
    return str(value).lower()
