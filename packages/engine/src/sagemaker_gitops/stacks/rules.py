"""What the policies in infra/lib must hold, beside what cfn-lint knows: who may do what is spelled out by name."""

import json
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from sagemaker_gitops.errors import Annotation
from sagemaker_gitops.project.marked_yaml import allowed, below, compose, items, text

# AWS names a resource for these two that no request of them can be narrowed by; PutMetricData has its namespace.
_WITHOUT_NAMES = frozenset({"cloudwatch:GetMetricData", "cloudwatch:PutMetricData"})


def findings(root: Path) -> Iterator[Annotation]:
    """Yield each statement of a role or a boundary that grants more than it names."""
    for path in sorted((root / "infra" / "lib").rglob("*.yml")):
        document = compose(path)
        lines = path.read_text(encoding="utf-8").splitlines()
        resources = dict(items(below(document, "Resources")))
        boundaries = {text(below(below(one, "Properties"), "PermissionsBoundary")) for one in resources.values()}
        for name, resource in resources.items():
            for node, message in _resource(name, resource, boundary=name in boundaries):
                if not allowed(lines, node):
                    yield Annotation(
                        message=message, file=path.relative_to(root).as_posix(), line=node.start_mark.line + 1
                    )


def _resource(name: str, resource: yaml.Node, *, boundary: bool) -> Iterator[tuple[yaml.Node, str]]:
    kind = text(below(resource, "Type"))
    properties = below(resource, "Properties")
    if kind == "AWS::IAM::Role" and below(properties, "PermissionsBoundary") is None:
        yield resource, f"role {name} has no PermissionsBoundary, which keeps every role within its environment"
    if kind in {"AWS::IAM::Role", "AWS::IAM::ManagedPolicy", "AWS::IAM::Policy", "AWS::IAM::RolePolicy"}:
        for statement in _statements(properties):
            # A boundary grants nothing: it may name what lies within it by a pattern.
            yield from _statement(statement, boundary=boundary)


def _statements(node: yaml.Node | None) -> Iterator[yaml.Node]:
    named = dict(items(node))
    # A statement with a principal says who may take the role, not what the role may do.
    if "Effect" in named and "Principal" not in named:
        yield node  # type: ignore[misc]  # what has items is a node
    for child in named.values():
        yield from _statements(child)
    for child in node.value if isinstance(node, yaml.SequenceNode) else ():
        yield from _statements(child)


def _statement(statement: yaml.Node, *, boundary: bool) -> Iterator[tuple[yaml.Node, str]]:
    named = dict(items(statement))
    if "Sid" not in named:
        yield statement, "a statement has no Sid that says what it is for"
    if text(named["Effect"]) != "Allow" or boundary:
        return
    for key in {"NotAction", "NotResource"} & named.keys():
        yield named[key], f"{key} allows whatever AWS adds later; name what is needed"
    everywhere = any(node.value == "*" for node in _scalars(named.get("Resource")))
    for action in _scalars(named.get("Action")):
        if message := _action(action.value, everywhere=everywhere, narrowed="Condition" in named):
            yield action, message


def _action(action: str, *, everywhere: bool, narrowed: bool) -> str:
    if "*" in action:
        return f"{action} is a pattern; name each action that is needed"
    kinds = _resources(action)
    if kinds is None:
        return f"AWS has no action {action}"
    if everywhere and kinds and action not in _WITHOUT_NAMES:
        return f'{action} can be granted on {", ".join(kinds)}; name them in place of "*"'
    if action == "cloudwatch:PutMetricData" and not narrowed:
        return f"{action} needs a condition on cloudwatch:namespace"
    return ""


def _scalars(node: yaml.Node | None) -> list[yaml.ScalarNode]:
    nodes = node.value if isinstance(node, yaml.SequenceNode) else [node]
    return [item for item in nodes if isinstance(item, yaml.ScalarNode)]


def _resources(action: str) -> list[str] | None:
    """Return the kinds of resource that an action can be granted on; None if AWS has no such action."""
    service, _, name = action.partition(":")
    known = _reference().get(service, {}).get("Actions", {}).get(name.lower())
    return None if known is None else list(known.get("Resources", []))


@cache
def _reference() -> dict[str, Any]:
    """Read AWS's service authorization reference, as the pinned cfn-lint carries it."""
    read: dict[str, Any] = json.loads(files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json").read_text())
    return read
