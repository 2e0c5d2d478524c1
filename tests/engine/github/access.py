"""The stand-in's calls about who may do what: people, teams, code owners, and runs that wait for a reviewer."""

from collections.abc import Callable, Mapping
from typing import Any

from tests.engine.github import description
from tests.engine.github.description import Call
from tests.engine.github.state import NOT_FOUND, Answer, Json, State

_RIGHTS = ("pull", "triage", "push", "maintain", "admin")
_FORBIDDEN: Answer = (403, {"message": "Resource not accessible by integration"})


def _me(state: State, call: Call, _body: Any) -> Answer:
    # A workflow's token is nobody's.
    return (
        (200, call.example() | {"login": state.me, "id": state.users[state.me], "user_view_type": "private"})
        if state.me
        else _FORBIDDEN
    )


def _members(state: State, call: Call, _body: Any) -> Answer:
    found = state.members.get(call.values["team_slug"])
    return (200, [call.example()[0] | {"login": login} for login in found]) if found else NOT_FOUND


def _team_access(state: State, call: Call, _body: Any) -> Answer:
    right = state.access.get(call.values["team_slug"])
    if right is None:
        return NOT_FOUND
    granted = {name: _RIGHTS.index(name) <= _RIGHTS.index(right) for name in _RIGHTS}
    shown = {key: value for key, value in call.example().items() if key != "template_repository"}
    return 200, shown | {"full_name": state.name, "permissions": granted}


def _person_access(state: State, call: Call, _body: Any) -> Answer:
    login = call.values["username"]
    if login not in state.users:
        return NOT_FOUND
    permission = state.access.get(login, "read")
    return 200, call.example() | {"permission": permission, "role_name": permission}


def _branch(state: State, call: Call, _body: Any) -> Answer:
    return (200, call.example() | {"name": "main"}) if state.pushed and call.values["branch"] == "main" else NOT_FOUND


def _owners_errors(state: State, _call: Call, _body: Any) -> Answer:
    return (200, {"errors": state.owners_errors}) if state.pushed else NOT_FOUND


def _runs(state: State, _call: Call, query: Mapping[str, list[str]]) -> Answer:
    wanted = query.get("status")
    found = [run for run in state.runs if not wanted or run["status"] in wanted]
    return 200, {"total_count": len(found), "workflow_runs": found}


def _pending(state: State, call: Call, _body: Any) -> Answer:
    name = state.waiting.get(int(call.values["run_id"]))
    if name is None:
        return 200, []
    found = call.example()[0]
    # GitHub's example of a team is older than its schema.
    people = [item for item in found["reviewers"] if item["type"] == "User"]
    return 200, [found | {"environment": found["environment"] | {"name": name}, "reviewers": people}]


def _cancel(state: State, call: Call, _body: Any) -> Answer:
    number = int(call.values["run_id"])
    run = next((item for item in state.runs if item["id"] == number), None)
    if run is None or run["status"] == "completed":
        return 409, {"message": "Cannot cancel a workflow run that is completed."}
    run.update(status="completed", conclusion="cancelled")
    state.waiting.pop(number, None)
    return 202, {}


def add_run(state: State, number: int, *, waits_for: str | None = None, created: str) -> Json:
    """Let a workflow run be there, which waits for an environment's reviewers if one is named."""
    call = description.find("GET", f"/repos/{state.name}/actions/runs")
    assert call is not None
    shown = call.example()["workflow_runs"][0]
    status = "waiting" if waits_for else "in_progress"
    run: Json = shown | {
        "id": number,
        "run_number": number,
        "status": status,
        "conclusion": None,
        "created_at": created,
    }
    state.runs.append(run)
    if waits_for:
        state.waiting[number] = waits_for
    return run


def _meta(state: State, call: Call, _body: Any) -> Answer:
    # Only an Enterprise Server names its version.
    # GitHub's example of keys is of other types than its schema.
    shown = {key: value for key, value in call.example().items() if key != "ssh_key_fingerprints"}
    return 200, shown | ({"installed_version": state.server_version} if state.server_version else {})


ACTIONS: dict[str, Callable[[State, Call, Any], Answer]] = {
    "meta/get": _meta,
    "users/get-authenticated": _me,
    "teams/list-members-in-org": _members,
    "teams/check-permissions-for-repo-in-org": _team_access,
    "repos/get-collaborator-permission-level": _person_access,
    "repos/get-branch": _branch,
    "repos/codeowners-errors": _owners_errors,
    "actions/list-workflow-runs-for-repo": _runs,
    "actions/get-pending-deployments-for-run": _pending,
    "actions/cancel-workflow-run": _cancel,
}
