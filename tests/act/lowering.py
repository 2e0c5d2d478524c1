"""Rewrite workflows so that act does what GitHub does and act leaves out.

act ignores `environment`, `permissions` and `concurrency`. Here a job with an environment reads that
environment's variables, only a job that may write id-tokens learns where tokens are issued, and a step
that is given the job's token learns where GitHub is. What a job checks out is the committed workflows again.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml
from tests.act.inlining import inline
from tests.documents import Document, workflows

_EXPRESSION = re.compile(r"\$\{\{\s*(.*?)\s*\}\}")
_VARIABLE = re.compile(r"\bvars\.(\w+)")
# `make setup` then finds its work done; that it does it from nothing is another test's matter.
_AS_COMMITTED = {
    "name": "Take the workflows as committed, and the dependencies that are installed",
    "run": 'git checkout --quiet HEAD -- .github && ln -sfn "$ACT_VENV" .venv && touch .venv/.ready',
}
# The repository's own variables stand beside those of the environments.
NO_ENVIRONMENT = ""


def lower(project: Path, *, issuer: str, github: str) -> None:
    """Rewrite every workflow of a throw-away clone; tokens come from `issuer`, the rest from `github`."""
    found = workflows(project)
    inline(found)
    for name, workflow in found.items():
        workflow.pop("concurrency", None)
        for job in workflow["jobs"].values():
            _lower_job(job, workflow_name=name, issuer=issuer)
            _point_at(github, job)
        text = yaml.safe_dump(workflow, sort_keys=False, width=10_000)
        (project / ".github/workflows" / name).write_text(text, encoding="utf-8")


def _lower_job(job: Document, *, workflow_name: str, issuer: str) -> None:
    job.pop("concurrency", None)
    permissions = job.pop("permissions", {})
    environment = _inner(_name(job.pop("environment", NO_ENVIRONMENT)))
    if "if" in job and "${{" not in job["if"]:
        job["if"] = _scoped(f"${{{{ {job['if']} }}}}", _inner(NO_ENVIRONMENT))
    if "uses" in job:
        job["with"] = _scoped(job.get("with", {}), _inner(NO_ENVIRONMENT))
    if "steps" in job:
        job["steps"] = list(_restored(_scoped(job["steps"], environment)))
        if permissions.get("id-token") == "write":
            job["env"] = {**job.get("env", {}), **_issuance(workflow_name, environment, issuer)}


def _point_at(github: str, job: Document) -> None:
    for step in job.get("steps", []):
        if "GITHUB_TOKEN" in step.get("env", {}):
            step["env"]["GITHUB_API_URL"] = github


def _restored(steps: list[Document]) -> Iterator[Document]:
    for step in steps:
        yield step
        if step.get("uses", "").startswith("actions/checkout@"):
            yield _AS_COMMITTED


def _issuance(workflow_name: str, environment: str, issuer: str) -> dict[str, str]:
    facts = f"event=${{{{ github.event_name }}}}&ref=${{{{ github.ref }}}}&environment=${{{{ {environment} }}}}"
    url = f"{issuer}/token?{urlencode({'workflow': workflow_name})}&{facts}"
    return {"ACTIONS_ID_TOKEN_REQUEST_URL": url, "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "of this job"}


def _name(environment: str | Document) -> str:
    return environment if isinstance(environment, str) else str(environment["name"])


def _inner(text: str) -> str:
    found = _EXPRESSION.fullmatch(text.strip())
    return f"({found[1]})" if found else f"'{text}'"


def _scoped(node: Any, environment: str) -> Any:
    """Let `vars.X` mean the environment's X, everywhere below a node."""
    if isinstance(node, dict):
        return {key: _scoped(value, environment) for key, value in node.items()}
    if isinstance(node, list):
        return [_scoped(value, environment) for value in node]
    if not isinstance(node, str):
        return node
    scope = rf"fromJSON(vars.ENVIRONMENTS)[{environment}].\1"
    return _EXPRESSION.sub(lambda found: f"${{{{ {_VARIABLE.sub(scope, found[1])} }}}}", node)
