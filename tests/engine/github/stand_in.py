"""A GitHub on this machine: it keeps what it is told, and takes and answers only what GitHub's description allows."""

import json
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

from tests.engine.github import access, description
from tests.engine.github.description import Call
from tests.engine.github.state import NOT_FOUND, Answer, Json, State

_NOT_FOUND = NOT_FOUND
_BILLING = (
    "Failed to create the environment protection rule. Please ensure the billing plan supports the {} protection rule."
)
_UPGRADE = "Upgrade to GitHub Pro or make this repository public to enable this feature."
_LONGEST_TEXT = 65_536
_TOO_LONG: Answer = (
    422,
    {"message": "Validation Failed", "errors": ["body is too long (maximum is 65536 characters)"]},
)
_MOMENT = "2026-11-23T12:00:00Z"


class GitHub:
    """Answers on a port of its own until it is closed."""

    def __init__(self, state: State | None = None) -> None:
        self.state = state or State()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        self.url = f"http://127.0.0.1:{self._server.server_port}"

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()

    def answer(self, method: str, target: str, body: Any, token: str) -> Answer:
        """Check a request, act on it, and check the answer."""
        path, query = urlsplit(target).path, parse_qs(urlsplit(target).query)
        if token != "Bearer valid":
            return 401, {"message": "Bad credentials"}
        call = description.find(method, path)
        if call is None or (path.startswith("/repos/") and not path.startswith(f"/repos/{self.state.name}")):
            return _NOT_FOUND
        complaints = call.complaints(body)
        if complaints:
            return 422, {"message": "Validation Failed", "errors": complaints}
        status, told = ACTIONS[call.operation](self.state, call, query if body is None else body)
        if method != "GET" and status < 300:
            self.state.writes.append(f"{method} {path}")
        if status < 300:
            told = _page(told, query)
            call.require_answer(status, told)
        return status, told


def _handler(github: GitHub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def log_message(self, format: str, *args: object) -> None:  # noqa: A002  the base class names it
            pass

        def _serve(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(content) if content.strip() else None
            token = self.headers.get("Authorization", "").replace("token ", "Bearer ")
            try:
                status, told = github.answer(self.command, self.path, body, token)
            except AssertionError as fault:  # the stand-in's own; no client repeats a 418
                status, told = 418, {"message": str(fault)}
            answer = b"" if told is None else json.dumps(told).encode()
            self.send_response(status)
            if answer:
                self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = _serve  # noqa: N815  the base class names them

    return Handler


def _page(told: Any, query: dict[str, list[str]]) -> Any:
    size, page = int(query.get("per_page", ["30"])[0]), int(query.get("page", ["1"])[0])
    part = slice((page - 1) * size, page * size)
    if isinstance(told, list):
        return told[part]
    return (
        {k: v[part] if isinstance(v, list) and "total_count" in told else v for k, v in told.items()} if told else told
    )


def _repository(state: State, call: Call, _body: Any) -> Answer:
    shown = {key: value for key, value in call.example().items() if key not in {"parent", "source"}}
    known = {"full_name": state.name, "private": state.private, "language": None, "default_branch": "main"}
    return 200, shown | known


def _organisation(state: State, call: Call, _body: Any) -> Answer:
    if call.values["org"] != state.name.split("/")[0]:
        return _NOT_FOUND
    plan = {"name": state.plan, "space": 1, "private_repos": 1}
    return 200, call.example() | {"plan": plan, "archived_at": None}


def _team(state: State, call: Call, _body: Any) -> Answer:
    slug = call.values["team_slug"]
    if slug not in state.teams:
        return _NOT_FOUND
    shown = call.example()
    # GitHub's example is older than its schema.
    organisation = shown["organization"] | {"archived_at": None}
    return 200, shown | {"id": state.teams[slug], "slug": slug, "type": "organization", "organization": organisation}


def _user(state: State, call: Call, _body: Any) -> Answer:
    login = call.values["username"]
    return (200, call.example() | {"id": state.users[login], "login": login}) if login in state.users else _NOT_FOUND


def _environment(state: State, call: Call, _body: Any) -> Answer:
    found = state.environments.get(call.values["environment_name"])
    return (200, found) if found else _NOT_FOUND


def _put_environment(state: State, call: Call, body: Json) -> Answer:
    name, policy = call.values["environment_name"], body.get("deployment_branch_policy")
    if policy and policy["protected_branches"] == policy["custom_branch_policies"]:
        return 422, {"message": "protected_branches and custom_branch_policies cannot have the same value"}
    if state.private and state.plan != "enterprise":
        for key, rule in (("reviewers", "required reviewers"), ("wait_timer", "wait timer")):
            if body.get(key):
                return 422, {"message": _BILLING.format(rule)}
    rules = [_wait_rule(state, body), _review_rule(state, body)]
    number = state.environments.get(name, {}).get("id") or state.number()
    state.environments[name] = {
        "id": number,
        "node_id": "E",
        "name": name,
        "url": "http://e",
        "html_url": "http://e",
        "created_at": _MOMENT,
        "updated_at": _MOMENT,
        "deployment_branch_policy": policy,
        # GitHub answers it, takes it nowhere, and describes it not at all.
        "can_admins_bypass": state.environments.get(name, {}).get("can_admins_bypass", True),
        "protection_rules": [rule for rule in rules if rule],
    }
    if not policy:
        state.branches.pop(name, None)
    return 200, state.environments[name]


def _wait_rule(state: State, body: Json) -> Json | None:
    minutes = body.get("wait_timer")
    return {"id": state.number(), "node_id": "R", "type": "wait_timer", "wait_timer": minutes} if minutes else None


def _review_rule(state: State, body: Json) -> Json | None:
    if not body.get("reviewers"):
        return None
    return {
        "id": state.number(),
        "node_id": "R",
        "type": "required_reviewers",
        "prevent_self_review": body.get("prevent_self_review", False),
        "reviewers": [{"type": item["type"], "reviewer": _reviewer(state, item)} for item in body["reviewers"]],
    }


def _reviewer(state: State, item: Json) -> Json:
    template, known = ("/orgs/o/teams/t", state.teams) if item["type"] == "Team" else ("/users/u", state.users)
    call = description.find("GET", template)
    assert call is not None
    name = next(name for name, number in known.items() if number == item["id"])
    found: Json = call.example() | {"id": item["id"], ("slug" if item["type"] == "Team" else "login"): name}
    return found


def _policies(state: State, call: Call, _body: Any) -> Answer:
    listed = [_policy(number, name) for number, name in state.branches.get(call.values["environment_name"], {}).items()]
    return 200, {"total_count": len(listed), "branch_policies": listed}


def _add_policy(state: State, call: Call, body: Json) -> Answer:
    name = call.values["environment_name"]
    policy = state.environments.get(name, {}).get("deployment_branch_policy")
    if not (policy and policy["custom_branch_policies"]):
        return _NOT_FOUND
    number = state.number()
    state.branches.setdefault(name, {})[number] = body["name"]
    return 200, _policy(number, body["name"])


def _remove_policy(state: State, call: Call, _body: Any) -> Answer:
    branches = state.branches.get(call.values["environment_name"], {})
    return (204, None) if branches.pop(int(call.values["branch_policy_id"]), None) else _NOT_FOUND


def _policy(number: int, name: str) -> Json:
    return {"id": number, "node_id": "P", "name": name, "type": "branch"}


def _variables(state: State, call: Call, _body: Any) -> Answer:
    stamps = {"created_at": _MOMENT, "updated_at": _MOMENT}
    known = state.variables.get(call.values["environment_name"], {})
    listed = [{"name": name, "value": value, **stamps} for name, value in known.items()]
    return 200, {"total_count": len(listed), "variables": listed}


def _add_variable(state: State, call: Call, body: Json) -> Answer:
    name = call.values["environment_name"]
    if name not in state.environments:
        return _NOT_FOUND
    known = state.variables.setdefault(name, {})
    if body["name"] in known:
        return 409, {"message": "Already exists - Variable already exists"}
    known[body["name"]] = body["value"]
    return 201, {}


def _change_variable(state: State, call: Call, body: Json) -> Answer:
    known = state.variables.get(call.values["environment_name"], {})
    if call.values["name"] not in known:
        return _NOT_FOUND
    known[call.values["name"]] = body["value"]
    return 204, None


def _shared(state: State, _call: Call, _body: Any) -> Answer:
    stamps = {"created_at": _MOMENT, "updated_at": _MOMENT}
    listed = [{"name": name, "value": value, **stamps} for name, value in state.shared.items()]
    return 200, {"total_count": len(listed), "variables": listed}


def _add_shared(state: State, _call: Call, body: Json) -> Answer:
    if body["name"] in state.shared:
        return 409, {"message": "Already exists - Variable already exists"}
    state.shared[body["name"]] = body["value"]
    return 201, {}


def _change_shared(state: State, call: Call, body: Json) -> Answer:
    if call.values["name"] not in state.shared:
        return _NOT_FOUND
    state.shared[call.values["name"]] = body["value"]
    return 204, None


def _issues(state: State, _call: Call, query: Mapping[str, list[str]]) -> Answer:
    wanted, (status,) = set(query.get("labels", [])), query.get("state", ["open"])
    found = [one for one in state.issues.values() if status in (one["state"], "all")]
    return 200, [one for one in found if wanted <= {label["name"] for label in one["labels"]}]


def _open_issue(state: State, _call: Call, body: Json) -> Answer:
    call = description.find("GET", "/repos/o/r/issues")
    assert call is not None
    number, template = state.number(), call.example()[0]
    if len(body.get("body", "")) > _LONGEST_TEXT:
        return _TOO_LONG
    labels = [{**template["labels"][0], "name": name} for name in body["labels"]]
    shown = {key: value for key, value in template.items() if key not in {"pull_request", "repository"}}
    state.issues[number] = {**shown, **body, "number": number, "state": "open", "labels": labels}
    return 201, state.issues[number]


def _change_issue(state: State, call: Call, body: Json) -> Answer:
    number = int(call.values["issue_number"])
    if number not in state.issues:
        return _NOT_FOUND
    if len(body.get("body", "")) > _LONGEST_TEXT:
        return _TOO_LONG
    state.issues[number] |= body
    return 200, state.issues[number]


def _comment(state: State, call: Call, body: Json) -> Answer:
    if len(body["body"]) > _LONGEST_TEXT:
        return _TOO_LONG
    state.comments.setdefault(int(call.values["issue_number"]), []).append(body["body"])
    return 201, call.example("201") | {"body": body["body"]}


def _rulesets(state: State, _call: Call, query: Mapping[str, list[str]]) -> Answer:
    own = [_ruleset_shown(state, number, head_only=True) for number in state.rulesets]
    return 200, own if query.get("includes_parents") == ["false"] else [*state.organisation_rulesets, *own]


def _ruleset(state: State, call: Call, _body: Any) -> Answer:
    number = int(call.values["ruleset_id"])
    return (200, _ruleset_shown(state, number)) if number in state.rulesets else _NOT_FOUND


def _add_ruleset(state: State, _call: Call, body: Json) -> Answer:
    if state.private and state.plan == "free":
        return 403, {"message": _UPGRADE}
    number = state.number()
    state.rulesets[number] = body
    return 201, _ruleset_shown(state, number)


def _change_ruleset(state: State, call: Call, body: Json) -> Answer:
    number = int(call.values["ruleset_id"])
    state.rulesets[number] = body
    return 200, _ruleset_shown(state, number)


def _ruleset_shown(state: State, number: int, *, head_only: bool = False) -> Json:
    kept = state.rulesets[number]
    shown = {key: kept[key] for key in ("name", "target", "enforcement")} if head_only else kept
    return shown | {"id": number, "source_type": "Repository", "source": state.name}


def _dispatch(state: State, _call: Call, body: Json) -> Answer:
    state.dispatches.append(body)
    return 204, None


def _kept(name: str) -> Callable[[State, Call, Any], Answer]:
    return lambda state, _call, _body: (200, getattr(state, name))


def _replaced(name: str, status: int) -> Callable[[State, Call, Any], Answer]:
    def replace(state: State, _call: Call, body: Json) -> Answer:
        setattr(state, name, body)
        return status, None

    return replace


def _change_subject(state: State, _call: Call, body: Json) -> Answer:
    owner, name = state.name.split("/")
    prefix = f"repo:{owner}@7/{name}@8" if body.get("use_immutable_subject") else f"repo:{state.name}"
    state.subject = body | {"sub_claim_prefix": prefix}
    return 201, {}


ACTIONS: dict[str, Callable[[State, Call, Any], Answer]] = {
    **access.ACTIONS,
    "repos/get": _repository,
    "orgs/get": _organisation,
    "teams/get-by-name": _team,
    "users/get-by-username": _user,
    "repos/get-environment": _environment,
    "repos/create-or-update-environment": _put_environment,
    "repos/list-deployment-branch-policies": _policies,
    "repos/create-deployment-branch-policy": _add_policy,
    "repos/delete-deployment-branch-policy": _remove_policy,
    "actions/list-environment-variables": _variables,
    "actions/create-environment-variable": _add_variable,
    "actions/update-environment-variable": _change_variable,
    "actions/list-repo-variables": _shared,
    "actions/create-repo-variable": _add_shared,
    "actions/update-repo-variable": _change_shared,
    "issues/list-for-repo": _issues,
    "issues/create": _open_issue,
    "issues/update": _change_issue,
    "issues/create-comment": _comment,
    "repos/create-dispatch-event": _dispatch,
    "repos/get-repo-rulesets": _rulesets,
    "repos/get-repo-ruleset": _ruleset,
    "repos/create-repo-ruleset": _add_ruleset,
    "repos/update-repo-ruleset": _change_ruleset,
    "actions/get-github-actions-permissions-repository": _kept("permissions"),
    "actions/set-github-actions-permissions-repository": _replaced("permissions", 204),
    "actions/get-github-actions-default-workflow-permissions-repository": _kept("rights"),
    "actions/set-github-actions-default-workflow-permissions-repository": _replaced("rights", 204),
    "actions/get-custom-oidc-sub-claim-for-repo": _kept("subject"),
    "actions/set-custom-oidc-sub-claim-for-repo": _change_subject,
    "actions/get-reviews-for-run": _kept("approvals"),
}
