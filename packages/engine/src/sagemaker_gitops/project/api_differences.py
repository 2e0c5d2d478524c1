"""Where openapi.yml contradicts what schema.json implies; its words are free."""

from collections.abc import Iterator
from typing import Any

from sagemaker_gitops.project.shapes import Path

Document = dict[str, Any]

# What people word as they like; nothing of it binds a caller.
WORDS = frozenset({"title", "summary", "description", "example", "examples"})
_PLACES: tuple[Path, ...] = (
    ("paths", "/invocations", "post", "requestBody"),
    ("components", "schemas", "Rows"),
    ("components", "schemas", "Row"),
    ("components", "schemas", "Columns"),
    ("components", "schemas", "Answer"),
)
_HOPS = 24  # of references that refer to references


def differences(expected: Document, found: Document) -> Iterator[tuple[Path, str]]:
    """Yield (place, what is different) where a description contradicts what schema.json implies; words are free."""
    for place in _PLACES:
        yield from _compare(Side(expected), Side(found), place)


class Side:
    """A description whose references are followed."""

    def __init__(self, document: Document) -> None:
        self._document = document

    def at(self, place: Path) -> Any:
        """Return what stands at a place; None if nothing does."""
        node: Any = self._document
        for step in place:
            node = self._followed(node).get(str(step))
        return self._followed(node) if isinstance(node, dict) else node

    def _followed(self, node: Any) -> Document:
        for _ in range(_HOPS):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                break
            node = self.at(tuple(node["$ref"].removeprefix("#/").split("/")))
        return node if isinstance(node, dict) else {}


def _compare(expected: Side, found: Side, place: Path) -> Iterator[tuple[Path, str]]:
    ours, theirs = expected.at(place), found.at(place)
    if not isinstance(ours, dict):
        if _unordered(ours) != _unordered(theirs):
            yield place, f"is {theirs!r}, schema.json implies {ours!r}"
        return
    if not isinstance(theirs, dict):
        yield place, "is missing"
        return
    is_named = place[-1] in {"properties", "content"}
    for key in (*ours, *(key for key in theirs if key not in ours)):
        if key == "$ref" or (key in WORDS and not is_named):
            continue
        if key not in theirs:
            yield (*place, key), "is missing"
        elif key not in ours:
            yield (*place, key), "is not in schema.json"
        else:
            yield from _compare(expected, found, (*place, key))


def _unordered(value: Any) -> Any:
    return sorted(map(repr, value)) if isinstance(value, list) else value
