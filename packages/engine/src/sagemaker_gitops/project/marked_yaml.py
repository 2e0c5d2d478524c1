"""YAML with the line of each value, so that a finding can name it."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import yaml

from sagemaker_gitops.errors import LintFailed

# Whoever means what a rule stops says why, on that line.
_ALLOWED = "# allowed: "


def compose(path: Path) -> yaml.Node | None:
    """Read a document without resolving tags, which CloudFormation has many of."""
    try:
        return yaml.compose(path.read_text(encoding="utf-8"), Loader=yaml.SafeLoader)
    except yaml.YAMLError as error:
        raise LintFailed(f"not valid YAML: {error}", where=str(path), next_step="correct the file") from error


def items(node: yaml.Node | None) -> Iterator[tuple[str, yaml.Node]]:
    """Yield the entries of a mapping; none of anything else."""
    for key, value in node.value if isinstance(node, yaml.MappingNode) else ():
        yield str(key.value), value


def below(node: yaml.Node | None, key: str) -> yaml.Node | None:
    """Step down to an entry, if there is one."""
    return dict(items(node)).get(key)


def text(node: yaml.Node | None) -> str:
    """Return a scalar as it is written; nothing for anything else."""
    return str(node.value) if isinstance(node, yaml.ScalarNode) else ""


def allowed(lines: Sequence[str], node: yaml.Node) -> bool:
    """Tell whether the line of a value says why a rule does not hold there."""
    return _ALLOWED in lines[node.start_mark.line]
