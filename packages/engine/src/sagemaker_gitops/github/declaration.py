""".github/environments.json: what protects the environments, main and the workflows, declared in the repository."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from sagemaker_gitops.errors import ConfigurationError

FILE = ".github/environments.json"


class Part(BaseModel):
    """Base of every part of the file: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Environment(Part):
    """One environment: who must approve, how long it waits, from which branches, with which variables.

    `reviewers` is written as in CODEOWNERS: "@org/team @user". {words} in braces come from project.json.
    `approval` says whose word a release waits for: the environment's reviewers, or the model registry's,
    where the repository's plan knows no reviewers.
    """

    account_of: Literal["dev", "staging", "prod"]
    branches: tuple[str, ...] = ()
    reviewers: str = ""
    prevent_self_review: bool = False
    admins_may_bypass: bool = False
    wait_minutes: Annotated[int, Field(ge=0, le=43200)] = 0
    approval: Literal["environment", "registry"] = "environment"
    variables: Mapping[str, str] = {}

    @property
    def reviewer_names(self) -> tuple[str, ...]:
        """Who may approve, lower-cased as GitHub compares names."""
        return tuple(sorted(self.reviewers.lower().split()))

    @model_validator(mode="after")
    def _github_takes_it(self) -> Self:
        if len(self.reviewer_names) > 6:
            raise ValueError("GitHub takes at most six reviewers")
        if self.prevent_self_review and not self.reviewers:
            raise ValueError("prevent_self_review means nothing without reviewers")
        return self


class Rule(Part):
    """One rule of a ruleset, in GitHub's own words."""

    type: str
    parameters: Mapping[str, JsonValue] | None = None


class Ruleset(Part):
    """Rules on branches; nobody passes them by unless `bypass_actors` says so."""

    name: str
    target: Literal["branch", "tag"]
    enforcement: Literal["active", "evaluate", "disabled"]
    conditions: Mapping[str, JsonValue]
    rules: tuple[Rule, ...]
    bypass_actors: tuple[Mapping[str, JsonValue], ...] = ()


class Actions(Part):
    """What workflows may do unless they say otherwise."""

    sha_pinning_required: bool
    default_workflow_permissions: Literal["read", "write"]
    can_approve_pull_request_reviews: bool


class Declaration(Part):
    """The whole file; `variables` are the repository's own, for jobs that work in no environment."""

    environments: Mapping[str, Environment]
    variables: Mapping[str, str] = {}
    rulesets: tuple[Ruleset, ...]
    actions: Actions


def read(root: Path, words: Mapping[str, Mapping[str, str]]) -> Declaration:
    """Read the file; `words` holds, for each account's environment, what the braces stand for."""
    path = root / FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        declaration = Declaration.model_validate(content)
        return declaration.model_copy(
            update={
                "environments": {name: _filled(env, words) for name, env in declaration.environments.items()},
                "variables": _told(declaration.variables, words["dev"]),
            }
        )
    except (OSError, json.JSONDecodeError, ValidationError, KeyError, ValueError) as err:
        raise ConfigurationError(
            f"the declared protection cannot be read: {err}",
            where=str(path),
            next_step="correct the file; `git diff` shows what changed",
        ) from err


def _filled(env: Environment, words: Mapping[str, Mapping[str, str]]) -> Environment:
    known = words[env.account_of]
    return env.model_copy(
        update={
            "reviewers": env.reviewers.format_map(known),
            "variables": _told(env.variables, known),
        }
    )


def _told(variables: Mapping[str, str], known: Mapping[str, str]) -> Mapping[str, str]:
    return {name: value.format_map(known) for name, value in variables.items()}
