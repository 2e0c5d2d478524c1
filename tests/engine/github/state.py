"""What a repository on the stand-in is, and what was told to it."""

from dataclasses import dataclass, field
from typing import Any

Answer = tuple[int, Any]
Json = dict[str, Any]
NOT_FOUND: Answer = (404, {"message": "Not Found"})


@dataclass(kw_only=True)
class State:
    """What one repository is, and what was told to it."""

    name: str = "example-bank/loan-approval"
    private: bool = False
    plan: str = "team"
    teams: dict[str, int] = field(default_factory=lambda: {"ml-reviewers": 11})
    users: dict[str, int] = field(default_factory=lambda: {"octocat": 21, "hubot": 22})
    server_version: str = ""
    me: str = "octocat"
    members: dict[str, list[str]] = field(default_factory=lambda: {"ml-reviewers": ["octocat", "hubot"]})
    access: dict[str, str] = field(
        default_factory=lambda: {"ml-reviewers": "push", "octocat": "admin", "hubot": "write"}
    )
    pushed: bool = True
    runs: list[Json] = field(default_factory=list)
    waiting: dict[int, str] = field(default_factory=dict)
    owners_errors: list[Json] = field(default_factory=list)
    environments: dict[str, Json] = field(default_factory=dict)
    branches: dict[str, dict[int, str]] = field(default_factory=dict)
    variables: dict[str, dict[str, str]] = field(default_factory=dict)
    shared: dict[str, str] = field(default_factory=dict)
    issues: dict[int, Json] = field(default_factory=dict)
    comments: dict[int, list[str]] = field(default_factory=dict)
    rulesets: dict[int, Json] = field(default_factory=dict)
    organisation_rulesets: list[Json] = field(default_factory=list)
    approvals: list[Json] = field(default_factory=list)
    permissions: Json = field(default_factory=lambda: {"enabled": True, "allowed_actions": "all"})
    rights: Json = field(
        default_factory=lambda: {"default_workflow_permissions": "write", "can_approve_pull_request_reviews": True}
    )
    subject: Json = field(
        default_factory=lambda: {"use_default": True, "sub_claim_prefix": "repo:example-bank@7/loan-approval@8"}
    )
    dispatches: list[Json] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    numbers: int = 100

    def number(self) -> int:
        """Count up, as GitHub numbers everything."""
        self.numbers += 1
        return self.numbers
