"""openapi.yml as text, with the words that people wrote into an older one."""

from collections.abc import Mapping
from typing import Any

import yaml

from sagemaker_gitops.project.api_differences import WORDS, Document, Side
from sagemaker_gitops.project.shapes import tree


def render(document: Document, heading: str = "") -> str:
    """Write a description as YAML."""
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, width=120, allow_unicode=True)
    return f"# {heading}\n{text}" if heading else text


def keep_words(made: Document, former: Document) -> Document:
    """Take titles, descriptions and examples over from an older description of the same features.

    Of one that shares no feature nothing is taken, because it speaks of another model.
    """
    ours, theirs = (_row(document) for document in (made, former))
    if not ours & theirs:
        return made
    words = WORDS if ours == theirs else WORDS - {"example", "examples"}
    kept: Document = _kept(made, former, words)
    version = tree(former.get("info")).get("version")
    return kept | {"info": kept["info"] | ({"version": version} if version else {})}


def _row(document: Document) -> set[str]:
    found = Side(document).at(("components", "schemas", "Row", "properties"))
    return set(found) if isinstance(found, Mapping) else set()


def _kept(made: Any, former: Any, words: frozenset[str]) -> Any:
    if not isinstance(made, dict) or not isinstance(former, dict):
        return made
    inner = {key: _kept(value, former.get(key), words) for key, value in made.items()}
    return inner if _is_table(made) else inner | {key: value for key, value in former.items() if key in words}


def _is_table(node: Document) -> bool:
    """Tell whether a node's keys are names, among which `title` would be one more."""
    return bool(node) and "schema" not in node and all(isinstance(value, dict) for value in node.values())


class _Dumper(yaml.SafeDumper):
    """Indents lists, writes texts of several lines as such, and never an anchor."""

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002, FBT001, FBT002
        return super().increase_indent(flow, False)  # noqa: FBT003

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style="|" if "\n" in text else None)


_Dumper.add_representer(str, _text)
