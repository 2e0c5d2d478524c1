"""Write the jobs of workflows that only call others in the place of the call.

act knows neither result nor outputs of a job whose workflow calls further workflows; GitHub does, down to ten levels.
"""

import json
import re
from copy import deepcopy

from tests.documents import Document

Workflows = dict[str, Document]


def inline(workflows: Workflows) -> None:
    """Flatten every workflow, so that each call leads to jobs with steps."""
    for workflow in workflows.values():
        _flatten(workflow, workflows)


def _flatten(workflow: Document, workflows: Workflows) -> None:
    for name, job in list(workflow["jobs"].items()):
        called = workflows[job["uses"].rsplit("/", 1)[1]] if job.get("uses", "").startswith("./") else None
        if called is None or not all("uses" in inner for inner in called["jobs"].values()):
            continue
        inner = deepcopy(called)
        _flatten(inner, workflows)
        _splice(workflow, name, inner)


def _splice(workflow: Document, name: str, called: Document) -> None:
    job = workflow["jobs"].pop(name)
    parts = {key: _placed(inner, job) for key, inner in called["jobs"].items()}
    assert not parts.keys() & workflow["jobs"].keys(), f"{name} brings a job of a name that is there"
    for other in workflow["jobs"].values():
        if name in _needs(other):
            other["needs"] = [*(need for need in _needs(other) if need != name), *parts]
    workflow["jobs"].update(parts)
    text = json.dumps(workflow["jobs"])
    for output, told in called["on"]["workflow_call"].get("outputs", {}).items():
        (source,) = re.findall(r"\bjobs\.([\w.]+)", told["value"])
        text = re.sub(rf"\bneeds\.{name}\.outputs\.{output}\b", f"needs.{source}", text)
    workflow["jobs"] = json.loads(text)


def _placed(inner: Document, job: Document) -> Document:
    """Let an inner job see what the call gave it, and wait for what the call waited for."""
    text = json.dumps(inner)
    for name, given in job.get("with", {}).items():
        expression = re.fullmatch(r"\$\{\{\s*(.*?)\s*\}\}", str(given))
        value = expression[1] if expression else f"'{given}'"
        text = re.sub(rf"\binputs\.{name}\b", value.replace("\\", r"\\"), text)
    placed: Document = json.loads(text)
    conditions = [one["if"] for one in (job, inner) if "if" in one]
    if conditions:
        placed["if"] = " && ".join(f"({condition})" for condition in conditions)
    if needs := list(dict.fromkeys([*_needs(job), *_needs(inner)])):
        placed["needs"] = needs
    return placed


def _needs(job: Document) -> list[str]:
    needs: str | list[str] = job.get("needs", [])
    return [needs] if isinstance(needs, str) else needs
