"""The difference between .github/environments.json and GitHub, and the requests that end it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from sagemaker_gitops.github import environments
from sagemaker_gitops.github.client import Body, Repository
from sagemaker_gitops.github.declaration import Actions, Declaration, Environment, Ruleset
from sagemaker_gitops.github.environments import Difference, Protection

# An organisation's ruleset of the same name is not this repository's, and cannot be changed here.
_OWN = {"includes_parents": "false"}


@dataclass(frozen=True, kw_only=True)
class Request:
    """One call that changes GitHub."""

    method: str
    path: str
    body: Body | None = None


@dataclass(frozen=True, kw_only=True)
class Change:
    """What differs about one subject, and the calls that make it as declared."""

    subject: str
    differences: tuple[Difference, ...]
    requests: tuple[Request, ...]

    def __str__(self) -> str:
        return "\n".join([self.subject, *(f"  {difference}" for difference in self.differences)])


def plan(repository: Repository, declaration: Declaration) -> tuple[Change, ...]:
    """Compare everything declared with GitHub; empty when all is as declared."""
    found = [
        *(_environment(repository, name, env) for name, env in declaration.environments.items()),
        _repository_variables(repository, declaration.variables),
        *(_ruleset(repository, ruleset) for ruleset in declaration.rulesets),
        *_actions(repository, declaration.actions),
        _subject(repository),
    ]
    return tuple(change for change in found if change is not None)


def carry_out(repository: Repository, changes: tuple[Change, ...]) -> None:
    """Send every request."""
    for change in changes:
        for request in change.requests:
            repository.send(request.method, request.path, request.body)


def _environment(repository: Repository, name: str, env: Environment) -> Change | None:
    path = f"environments/{name}"
    actual = environments.protection(repository, name)
    declared = Protection.declared(env)
    rules = environments.differences(declared, actual or Protection())
    missing = () if actual else (Difference(key="environment", actual="missing", declared="present"),)
    put = Request(method="PUT", path=path, body=environments.body(repository, declared))
    variables = list(_variables(repository, f"{path}/variables", env.variables, fresh=not actual))
    requests = [*([put] if rules or missing else []), *_branches(repository, name, declared, actual)]
    told = (*missing, *rules, *(difference for difference, _ in variables))
    requests += [request for _, request in variables]
    return Change(subject=f"environment {name}", differences=told, requests=tuple(requests)) if told else None


def _branches(repository: Repository, name: str, declared: Protection, actual: Protection | None) -> Iterator[Request]:
    path = f"environments/{name}/deployment-branch-policies"
    present = set(actual.branches) if actual else set()
    for branch in sorted(set(declared.branches) - present):
        yield Request(method="POST", path=path, body={"name": branch, "type": "branch"})
    if declared.branches and present - set(declared.branches):
        ids = environments.branch_policy_ids(repository, name)
        for branch in sorted(present - set(declared.branches)):
            yield Request(method="DELETE", path=f"{path}/{ids[branch]}")


def _repository_variables(repository: Repository, declared: Mapping[str, str]) -> Change | None:
    found = list(_variables(repository, "actions/variables", declared))
    told, requests = tuple(difference for difference, _ in found), tuple(request for _, request in found)
    return Change(subject="repository", differences=told, requests=requests) if found else None


def _variables(
    repository: Repository, path: str, declared: Mapping[str, str], *, fresh: bool = False
) -> Iterator[tuple[Difference, Request]]:
    """Compare variables; a `fresh` environment has none, and cannot be asked yet."""
    actual = {} if fresh else environments.variables(repository, path)
    for name, value in declared.items():
        if actual.get(name) == value:
            continue
        body: Body = {"name": name, "value": value}
        known = name in actual
        request = Request(method="PATCH" if known else "POST", path=f"{path}/{name}" if known else path, body=body)
        yield Difference(key=f"variable {name}", actual=actual.get(name, "missing"), declared=value), request


def _ruleset(repository: Repository, ruleset: Ruleset) -> Change | None:
    subject, body = f"ruleset {ruleset.name}", _as_sent(ruleset)
    number = next(
        (item["id"] for item in repository.listed("rulesets", query=_OWN) if item["name"] == ruleset.name), None
    )
    if number is None:
        missing = Difference(key="ruleset", actual="missing", declared="present")
        request = Request(method="POST", path="rulesets", body=body)
        return Change(subject=subject, differences=(missing,), requests=(request,))
    actual = repository.get(f"rulesets/{number}") or {}
    told = tuple(_unlike(_by_type(body), _by_type(actual)))
    request = Request(method="PUT", path=f"rulesets/{number}", body=body)
    return Change(subject=subject, differences=told, requests=(request,)) if told else None


def _as_sent(ruleset: Ruleset) -> Body:
    sent: dict[str, JsonValue] = ruleset.model_dump(mode="json", exclude_none=True)
    return sent


def _by_type(ruleset: Body) -> dict[str, JsonValue]:
    rules = ruleset.get("rules")
    listed = [rule for rule in rules if isinstance(rule, dict)] if isinstance(rules, list) else []
    return {**ruleset, "rules": {str(rule["type"]): rule for rule in listed}}


def _unlike(declared: Body, actual: Body, place: str = "") -> Iterator[Difference]:
    """Compare what is declared alone: GitHub answers with more keys than it was sent, but lists no further rules."""
    if place == "rules":
        for extra in sorted(actual.keys() - declared.keys()):
            yield Difference(key=f"rules.{extra}", actual="present", declared="none")
    for key, value in declared.items():
        where, found = f"{place}.{key}" if place else key, actual.get(key)
        if isinstance(value, dict) and isinstance(found, dict):
            yield from _unlike(value, found, where)
        elif not _same(value, found):
            yield Difference(key=where, actual="none" if found is None else _short(found), declared=_short(value))


def _same(declared: JsonValue, actual: JsonValue) -> bool:
    if isinstance(declared, list) and isinstance(actual, list):
        return len(declared) == len(actual) and all(map(_same, declared, actual))
    if isinstance(declared, dict) and isinstance(actual, dict):
        return not list(_unlike(declared, actual))
    return declared == actual


def _short(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _actions(repository: Repository, declared: Actions) -> Iterator[Change | None]:
    general = repository.get("actions/permissions") or {}
    # A PUT that leaves a key out resets it, so what is not declared is sent as it was.
    kept = {key: general[key] for key in ("enabled", "allowed_actions") if key in general}
    pinning: Body = {"sha_pinning_required": declared.sha_pinning_required}
    yield _settings("actions", "actions/permissions", pinning, general, kept)
    rights: Body = declared.model_dump(include={"default_workflow_permissions", "can_approve_pull_request_reviews"})
    path = "actions/permissions/workflow"
    yield _settings("workflow permissions", path, rights, repository.get(path) or {}, {})


def _settings(subject: str, path: str, declared: Body, actual: Body, kept: Body) -> Change | None:
    told = tuple(_unlike(declared, actual))
    request = Request(method="PUT", path=path, body={**kept, **declared})
    return Change(subject=subject, differences=told, requests=(request,)) if told else None


def _subject(repository: Repository) -> Change | None:
    path = "actions/oidc/customization/sub"
    actual = repository.get(path)
    if actual is None or "@" in str(actual.get("sub_claim_prefix", "@")):
        return None  # GitHub Enterprise Server knows no such setting
    told = Difference(key="use_immutable_subject", actual="false", declared="true")
    request = Request(method="PUT", path=path, body={"use_default": True, "use_immutable_subject": True})
    return Change(subject="OIDC subject", differences=(told,), requests=(request,))
