"""GitHub's queue: which jobs of which runs work, wait for a reviewer, or are cancelled, by the workflows' own text.

A concurrency group has one holder and one that waits; whoever comes third cancels the one that waits. A job that
waits for a reviewer holds its groups, and those of every caller above it.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.documents import Document

_INPUT = re.compile(r"\$\{\{\s*inputs\.(\w+)\s*\}\}")


@dataclass(kw_only=True, eq=False)
class Node:
    """A run, a job that calls a workflow, or a job with steps."""

    name: str
    number: int
    group: str
    job: Document
    needs: tuple[str, ...] = ()
    children: "list[Node]" = field(default_factory=list)
    environment: str = ""
    state: str = "queued"

    @property
    def over(self) -> bool:
        """Whether nothing more happens to it."""
        return self.state in {"done", "skipped", "cancelled"}


@dataclass(kw_only=True)
class Group:
    """Who holds a concurrency group, and who waits for it."""

    holder: Node
    pending: Node | None = None


class Scheduler:
    """Runs workflows; jobs named in `slow` work until they are finished by hand, all others at once."""

    def __init__(
        self, workflows: Mapping[str, Document], *, reviewed: frozenset[str], slow: frozenset[str] = frozenset()
    ) -> None:
        self._workflows = workflows
        self._reviewed = reviewed
        self._slow = slow
        self._groups: dict[str, Group] = {}
        self.runs: list[Node] = []
        self.did: list[tuple[int, str]] = []
        self.skip_if: frozenset[str] = frozenset()

    def start(self, file: str, **inputs: str) -> Node:
        """Let an event start a workflow."""
        number, workflow = len(self.runs) + 1, self._workflows[file]
        run = Node(name=file, number=number, group=_group(workflow, number, inputs), job={})
        run.children = self._expand(workflow, number, inputs)
        self.runs.append(run)
        self.advance()
        return run

    def approve(self, run: Node) -> None:
        """Let a reviewer approve what a run waits for."""
        for node in _leaves(run):
            if node.state == "waiting":
                node.state = "approved"
        self.advance()

    def finish(self, run: Node) -> None:
        """Let a slow job of a run end."""
        for node in _leaves(run):
            if node.state == "working":
                node.state = "done"
        self.advance()

    def advance(self) -> None:
        """Let happen whatever can."""
        while sum(self._step(run, ()) for run in self.runs):
            pass

    def _expand(self, workflow: Document, number: int, inputs: Mapping[str, str]) -> list[Node]:
        nodes = []
        for name, job in [(name, one) for name, text in workflow["jobs"].items() for one in _matrix(text)]:
            needs = job.get("needs", [])
            node = Node(
                name=name,
                number=number,
                group=_group(job, number, inputs),
                job=job,
                needs=(needs,) if isinstance(needs, str) else tuple(needs),
            )
            if "uses" in job:
                given = {key: _filled(str(value), inputs) for key, value in job.get("with", {}).items()}
                node.children = self._expand(self._workflows[job["uses"].rsplit("/", 1)[1]], number, given)
            node.environment = _environment(job, inputs)
            nodes.append(node)
        return nodes

    def _step(self, node: Node, siblings: tuple[Node, ...]) -> bool:
        if node.over or not self._ready(node, siblings):
            return False
        if node.state == "queued":
            node.state = "skipped" if self._left_out(node, siblings) else "pending"
            return True
        if node.state == "pending":
            return self._enter(node)
        return self._carry_on(node)

    def _ready(self, node: Node, siblings: tuple[Node, ...]) -> bool:
        return all(other.over for other in siblings if other.name in node.needs)

    def _left_out(self, node: Node, siblings: tuple[Node, ...]) -> bool:
        unmet = [other for other in siblings if other.name in node.needs and other.state != "done"]
        return bool(unmet) or node.job.get("if", "") in self.skip_if

    def _enter(self, node: Node) -> bool:
        if node.group:
            group = self._groups.setdefault(node.group, Group(holder=node))
            if group.holder is not node:
                if group.pending not in (None, node):
                    self._cancel(group.pending)
                moved, group.pending = group.pending is not node, node
                return moved
        node.state = "entered"
        return True

    def _carry_on(self, node: Node) -> bool:
        if node.children or not node.job:
            if all(child.over for child in node.children):
                failed = any(child.state == "cancelled" for child in node.children)
                return self._leave(node, "cancelled" if failed else "done")
            return sum(self._step(child, tuple(node.children)) for child in node.children) > 0
        if node.state == "entered" and node.environment in self._reviewed:
            node.state = "waiting"
            return True
        if node.state in {"entered", "approved"}:
            self.did.append((node.number, f"{node.name} {node.environment}".strip()))
            self._supersede(node)
            if node.name in self._slow:
                node.state = "working"
                return True
            return self._leave(node, "done")
        return False

    def _supersede(self, node: Node) -> None:
        if any("pipeline supersede" in step.get("run", "") for step in node.job.get("steps", [])):
            for run in self.runs:
                if run.number < node.number and any(leaf.state == "waiting" for leaf in _leaves(run)):
                    self._cancel(run)

    def _cancel(self, node: Node | None) -> None:
        for part in [*_leaves(node), *_callers(node)] if node else []:
            if not part.over:
                self._leave(part, "cancelled")

    def _leave(self, node: Node, state: str) -> bool:
        node.state = state
        group = self._groups.get(node.group)
        if group and group.holder is node:
            self._groups.pop(node.group)
            if group.pending and not group.pending.over:
                self._groups[node.group] = Group(holder=group.pending)
        return True


def _matrix(job: Document) -> list[Document]:
    environments = job.get("strategy", {}).get("matrix", {}).get("environment", [""])
    return [json.loads(json.dumps(job).replace("${{ matrix.environment }}", name)) for name in environments]


def _leaves(node: Node) -> list[Node]:
    return [leaf for child in node.children for leaf in _leaves(child)] if node.children else [node]


def _callers(node: Node) -> list[Node]:
    return [node, *(caller for child in node.children for caller in _callers(child))] if node.children else []


def _group(holder: Document, number: int, inputs: Mapping[str, str]) -> str:
    given: Any = holder.get("concurrency", "")
    text = given if isinstance(given, str) else given["group"]
    return _filled(text.replace("${{ github.run_id }}", str(number)), inputs)


def _environment(job: Document, inputs: Mapping[str, str]) -> str:
    given: Any = job.get("environment", "")
    text = given if isinstance(given, str) else given["name"]
    if "'prod-operations'" in text:
        return "prod-operations" if inputs["environment"] == "prod" else inputs["environment"]
    return _filled(text, inputs)


def _filled(text: str, inputs: Mapping[str, str]) -> str:
    filled = _INPUT.sub(lambda found: inputs.get(found[1], ""), text)
    return re.sub(r"\$\{\{ inputs\.environment \|\| [^}]*\}\}", inputs.get("environment", ""), filled)
