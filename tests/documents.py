"""Workflows, composite actions and buildspecs, read as data."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

Document = dict[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML 1.2's booleans, as GitHub reads them: `on` is a word."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:bool" or first in "tTfF"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


def load(path: Path) -> Document:
    """Read one document."""
    document: Document = yaml.load(path.read_text(encoding="utf-8"), _Loader)  # noqa: S506 - a safe loader's child
    return document


def workflows(project: Path) -> dict[str, Document]:
    """Read every workflow, by its file's name."""
    return {path.name: load(path) for path in sorted((project / ".github/workflows").glob("*.yml"))}


def steps(project: Path) -> Iterator[tuple[str, Document]]:
    """Go through every step of every workflow and composite action."""
    for name, workflow in workflows(project).items():
        for job in workflow["jobs"].values():
            yield from ((name, step) for step in job.get("steps", []))
    for path in sorted((project / ".github/actions").glob("*/action.yml")):
        yield from ((path.parent.name, step) for step in load(path)["runs"]["steps"])


def uses(project: Path) -> Iterator[tuple[str, str]]:
    """Go through what workflows and actions use from other repositories: (action, ref)."""
    for _, step in steps(project):
        if "@" in step.get("uses", ""):
            action, _, ref = step["uses"].partition("@")
            yield action, ref
