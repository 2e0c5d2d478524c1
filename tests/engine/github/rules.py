"""What GitHub's rules let people do: push, merge, approve. The stand-in keeps the rules, these functions obey."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.engine.github.state import State


class Refused(Exception):
    """GitHub's answer to what a rule forbids."""


@dataclass(frozen=True, kw_only=True)
class PullRequest:
    """One change that waits to be merged."""

    author: str
    approvals: frozenset[str] = frozenset()
    pushed_by: str = ""
    checks: Mapping[str, str] = field(default_factory=lambda: {"Required checks / Required checks": "success"})


def push(state: State) -> None:
    """Push a commit to main directly."""
    rules = _of_main(state)
    if "pull_request" in rules or "required_status_checks" in rules:
        raise Refused(
            "GH013: Repository rule violations found for refs/heads/main: changes must be made through a pull request"
        )
    state.pushed = True


def merge(state: State, change: PullRequest) -> None:
    """Merge a pull request into main."""
    missing = list(_missing(state, change))
    if missing:
        raise Refused("; ".join(missing))


def approve(state: State, environment: str, *, started_by: str, reviewer: str) -> None:
    """Let a run that somebody started into an environment."""
    for rule in state.environments[environment]["protection_rules"]:
        if rule["type"] != "required_reviewers":
            continue
        if reviewer not in _reviewers(state, rule):
            raise Refused(f"{reviewer} is no reviewer of {environment}")
        if rule["prevent_self_review"] and reviewer == started_by:
            raise Refused("you cannot approve your own deployment")


def _of_main(state: State) -> dict[str, Any]:
    # Nobody stands in bypass_actors, administrators neither.
    active = [
        kept for kept in state.rulesets.values() if kept["enforcement"] == "active" and kept["target"] == "branch"
    ]
    return {rule["type"]: rule.get("parameters") or {} for kept in active for rule in kept["rules"]}


def _missing(state: State, change: PullRequest) -> Iterator[str]:
    rules = _of_main(state)
    reviews = rules.get("pull_request", {})
    approvals = {who for who in change.approvals if who != change.author}
    if len(approvals) < reviews.get("required_approving_review_count", 0):
        yield "at least one approving review is required"
    if reviews.get("require_code_owner_review") and not approvals & _owners(state):
        yield "waiting on code owner review"
    if reviews.get("require_last_push_approval") and not approvals - {change.pushed_by or change.author}:
        yield "somebody other than the last pusher must approve"
    for check in rules.get("required_status_checks", {}).get("required_status_checks", []):
        if change.checks.get(check["context"]) not in {"success", "skipped", "neutral"}:
            yield f"{check['context']} is required"


def _owners(state: State) -> set[str]:
    """Who may review as a code owner of everything: the team's members, if the team may write."""
    teams = [
        team for team, right in state.access.items() if team in state.teams and right in {"push", "maintain", "admin"}
    ]
    return {login for team in teams for login in state.members[team]}


def _reviewers(state: State, rule: Mapping[str, Any]) -> set[str]:
    found: set[str] = set()
    for item in rule["reviewers"]:
        who = item["reviewer"]
        found |= set(state.members[who["slug"]]) if item["type"] == "Team" else {who["login"]}
    return found
