"""What docs/reference.md tells of workflows, roles and events, read from the files that declare them."""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from tests.sample import ROOT


class _Template(yaml.SafeLoader):
    """CloudFormation's tags, read as their plain values."""


def _plain(loader: _Template, _: str, node: yaml.Node) -> object:
    if isinstance(node, yaml.MappingNode):
        return loader.construct_mapping(node, deep=True)
    if isinstance(node, yaml.SequenceNode):
        return loader.construct_sequence(node, deep=True)
    return node.value


_Template.add_multi_constructor("!", _plain)


def workflows() -> str:
    """List the workflows, each with the first step of its process."""
    rows = [_workflow(path) for path in sorted((ROOT / ".github/workflows").glob("*.yml"))]
    head = ["## Workflows", "", "Those that name a trigger begin by themselves; the others are called.", ""]
    return "\n".join([*head, "| file | name | begins by | first |", "|---|---|---|---|", *rows, ""])


def roles() -> str:
    """List the IAM roles that the stacks make."""
    rows = sorted(_roles())
    head = [
        "## Roles",
        "",
        "Made by the stacks in `infra/lib`; the policies stand there, each `*` with its reason.",
        "",
    ]
    return "\n".join([*head, "| role | stack | what it is for |", "|---|---|---|", *rows, ""])


def events() -> str:
    """List the members of the monitor's event."""
    schema = json.loads((ROOT / "monitoring/event.schema.json").read_text(encoding="utf-8"))
    rows = [f"| `{name}` | {_values(member)} |" for name, member in schema["properties"].items()]
    head = ["## Events", "", f"{schema['title']}. {schema['description']}", ""]
    return "\n".join([*head, "| member | values |", "|---|---|", *rows, ""])


def _workflow(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    name = re.search(r"^name: (.*)$", text, re.MULTILINE)
    first = re.search(r"^# (?:1\. )?((?!PROCESS|USAGE|NOTE).*)$", text, re.MULTILINE)
    # YAML 1.1 reads the key `on` as true.
    triggers: Any = yaml.safe_load(text).get(True) or {}
    own = [str(item) for item in triggers if item != "workflow_call"]
    return f"| `{path.name}` | {name.group(1) if name else ''} | {', '.join(own)} | {first.group(1) if first else ''} |"


def _roles() -> Iterator[str]:
    for path in sorted((ROOT / "infra/lib").glob("*.yml")):
        document = yaml.load(path.read_text(encoding="utf-8"), _Template)  # noqa: S506  a safe loader's child
        for resource in document["Resources"].values():
            if resource["Type"] == "AWS::IAM::Role":
                role = resource["Properties"]
                name = role["RoleName"].replace("${Project}", "PROJECT").replace("${Scope}", "ENV")
                told = role.get("Description", "").replace("${Scope}", "ENV")
                yield f"| `{name}` | {path.stem} | {told} |"


def _values(member: Mapping[str, Any]) -> str:
    told = str(member.get("description", ""))
    choices = member.get("enum") or member.get("items", {}).get("enum") or []
    listed = ", ".join(f"`{choice}`" for choice in choices)
    return " ".join(filter(None, [told, listed])) or str(member.get("type", f"always `{member.get('const')}`"))
