"""Cut out of GitHub's OpenAPI description what the engine calls.

From the npm package @octokit/openapi, whose version the result carries:
    python tests/engine/github/describe.py generated/api.github.com.json > tests/engine/github/description.json
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

CALLED = {
    "/meta": ("get",),
    "/orgs/{org}": ("get",),
    "/orgs/{org}/teams/{team_slug}": ("get",),
    "/orgs/{org}/teams/{team_slug}/members": ("get",),
    "/orgs/{org}/teams/{team_slug}/repos/{owner}/{repo}": ("get",),
    "/repos/{owner}/{repo}": ("get",),
    "/repos/{owner}/{repo}/actions/oidc/customization/sub": ("get", "put"),
    "/repos/{owner}/{repo}/actions/permissions": ("get", "put"),
    "/repos/{owner}/{repo}/actions/permissions/workflow": ("get", "put"),
    "/repos/{owner}/{repo}/actions/runs": ("get",),
    "/repos/{owner}/{repo}/actions/runs/{run_id}/approvals": ("get",),
    "/repos/{owner}/{repo}/actions/runs/{run_id}/cancel": ("post",),
    "/repos/{owner}/{repo}/actions/runs/{run_id}/pending_deployments": ("get",),
    "/repos/{owner}/{repo}/actions/variables": ("get", "post"),
    "/repos/{owner}/{repo}/actions/variables/{name}": ("patch",),
    "/repos/{owner}/{repo}/branches/{branch}": ("get",),
    "/repos/{owner}/{repo}/codeowners/errors": ("get",),
    "/repos/{owner}/{repo}/collaborators/{username}/permission": ("get",),
    "/repos/{owner}/{repo}/dispatches": ("post",),
    "/repos/{owner}/{repo}/environments/{environment_name}": ("get", "put"),
    "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies": ("get", "post"),
    "/repos/{owner}/{repo}/environments/{environment_name}/deployment-branch-policies/{branch_policy_id}": ("delete",),
    "/repos/{owner}/{repo}/environments/{environment_name}/variables": ("get", "post"),
    "/repos/{owner}/{repo}/environments/{environment_name}/variables/{name}": ("patch",),
    "/repos/{owner}/{repo}/issues": ("get", "post"),
    "/repos/{owner}/{repo}/issues/{issue_number}": ("patch",),
    "/repos/{owner}/{repo}/issues/{issue_number}/comments": ("post",),
    "/repos/{owner}/{repo}/rulesets": ("get", "post"),
    "/repos/{owner}/{repo}/rulesets/{ruleset_id}": ("get", "put"),
    "/user": ("get",),
    "/users/{username}": ("get",),
}
# Prose, and what only generators of clients read.
LEFT_OUT = {"description", "externalDocs", "headers", "summary", "tags", "x-github"}


def main(source: Path) -> None:
    """Print the cut."""
    whole = json.loads(source.read_text())
    paths = {path: {method: whole["paths"][path][method] for method in methods} for path, methods in CALLED.items()}
    kept: dict[str, Any] = {"paths": paths, "components": {}}
    waiting = list(references(paths))
    while waiting:
        kind, name = waiting.pop().removeprefix("#/components/").split("/")
        group = kept["components"].setdefault(kind, {})
        if name not in group:
            group[name] = whole["components"][kind][name]
            waiting += references(group[name])
    kept = without_prose(kept)
    for response in responses(kept):
        response["description"] = ""  # the one prose that OpenAPI asks for
    cut = {"openapi": whole["openapi"], "info": {"title": "GitHub", "version": whole["info"]["version"]}, **kept}
    print(json.dumps(cut, separators=(",", ":"), sort_keys=True))  # noqa: T201  its output is its purpose


def references(value: object) -> Iterator[str]:
    """Find every reference in a tree."""
    if isinstance(value, dict):
        if isinstance(target := value.get("$ref"), str):
            yield target
        for item in value.values():
            yield from references(item)
    elif isinstance(value, list):
        for item in value:
            yield from references(item)


def responses(tree: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Go through every response that is written out."""
    calls = [call for methods in tree["paths"].values() for call in methods.values()]
    groups = [*(call["responses"] for call in calls), tree["components"].get("responses", {})]
    yield from (response for group in groups for response in group.values() if "$ref" not in response)


def without_prose(value: Any, *, named: bool = False) -> Any:
    """Leave prose out, but for examples; `named` when keys are names, such as a property called description."""
    if isinstance(value, list):
        return [without_prose(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: item if key == "value" else without_prose(item, named=key in {"properties", "schemas"})
        for key, item in value.items()
        if named or key not in LEFT_OUT
    }


if __name__ == "__main__":
    main(Path(sys.argv[1]))
