"""Two JSON Schemas of one value: what a change takes from those who send it, or from those who receive it."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

Side = Literal["request", "response"]
Tree = Mapping[str, object]
Path = tuple[int | str, ...]
Seen = frozenset[tuple[Path, Path]]

_TYPES = frozenset({"array", "boolean", "integer", "null", "number", "object", "string"})
_LOWER = ("minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties")
_UPPER = ("maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties")
_HOPS = 24  # of references that refer to references


@dataclass(frozen=True, kw_only=True)
class Break:
    """A change that breaks callers, and the path to it in the newer description."""

    path: Path
    message: str


@dataclass(frozen=True, kw_only=True)
class Node:
    """A place in a description, with what is needed to follow its references."""

    document: Tree
    tree: Tree
    path: Path

    @property
    def resolved(self) -> "Node":
        """The place that a $ref, or a chain of them, leads to."""
        node = self
        for _ in range(_HOPS):
            reference = node.tree.get("$ref")
            if not isinstance(reference, str):
                return node
            path = tuple(reference.removeprefix("#/").split("/"))
            node = Node(document=self.document, tree=self.document, path=())
            for step in path:
                node = node.raw(step.replace("~1", "/").replace("~0", "~"))
        return node

    def raw(self, key: str) -> "Node":
        """Step down without following references; to an empty place if there is none."""
        return Node(document=self.document, tree=tree(self.tree.get(key)), path=(*self.path, key))

    def at(self, *keys: str) -> "Node":
        """Step down, following references."""
        node = self.resolved
        for key in keys:
            node = node.raw(key).resolved
        return node

    def items(self, key: str) -> list["Node"]:
        """List the places in a list below, following references."""
        found = self.tree.get(key)
        listed = found if isinstance(found, list) else []
        return [
            Node(document=self.document, tree=tree(item), path=(*self.path, key, index)).resolved
            for index, item in enumerate(listed)
        ]

    def words(self, key: str) -> set[str]:
        """Read a list of strings below."""
        found = self.tree.get(key)
        return {str(item) for item in found} if isinstance(found, list) else set()


def tree(value: object) -> Tree:
    """Take a mapping as it is, and anything else for an empty one."""
    return value if isinstance(value, Mapping) else {}


def compare(before: Node, after: Node, side: Side, seen: Seen = frozenset()) -> Iterator[Break]:
    """Yield what breaks when a value described by `before` is described by `after`."""
    old, new = before.resolved, after.resolved
    if (old.path, new.path) in seen:
        return  # a schema that refers to itself
    seen |= {(old.path, new.path)}
    yield from _types(old, new, side)
    yield from _values(old, new, side)
    if side == "request":
        yield from _ranges(old, new)
    yield from _properties(old, new, side, seen)
    if "items" in old.tree:
        yield from compare(old.at("items"), new.at("items"), side, seen)
    for keyword in ("allOf", "anyOf", "oneOf"):
        yield from _alternatives(old, new, side, keyword=keyword, seen=seen)


def _types(old: Node, new: Node, side: Side) -> Iterator[Break]:
    was, now = _accepted(old), _accepted(new)
    lost = sorted(was - now) if side == "request" else sorted(now - was)
    if lost:
        verb = "is no longer accepted" if side == "request" else "may now be answered"
        yield Break(path=(*new.path, "type"), message=f"type {', '.join(lost)} {verb}")


def _accepted(node: Node) -> set[str]:
    named = node.tree.get("type", sorted(_TYPES))
    types = {str(item) for item in named} if isinstance(named, list) else {str(named)}
    # Every integer is a number.
    return types | ({"integer"} if "number" in types else set()) | ({"null"} if node.tree.get("nullable") else set())


def _values(old: Node, new: Node, side: Side) -> Iterator[Break]:
    was, now = _closed(old), _closed(new)
    if side == "request" and now is not None:
        lost = sorted((was or set()) - now)
        if was is None or lost:
            yield Break(path=(*new.path, "enum"), message=f"no longer accepted: {', '.join(lost) or 'any other value'}")
    if side == "response" and was is not None:
        added = sorted((now or set()) - was)
        if now is None or added:
            yield Break(path=(*new.path, "enum"), message=f"may now be answered: {', '.join(added) or 'any value'}")


def _closed(node: Node) -> set[str] | None:
    if "const" in node.tree:
        return {str(node.tree["const"])}
    return node.words("enum") if "enum" in node.tree else None


def _ranges(old: Node, new: Node) -> Iterator[Break]:
    for key in (*_LOWER, *_UPPER):
        was, now = old.tree.get(key), new.tree.get(key)
        if isinstance(now, int | float) and (not isinstance(was, int | float) or _tighter(key, was, now)):
            yield Break(path=(*new.path, key), message=f"{key} is now {now}, it was {'open' if was is None else was}")
    if "pattern" in new.tree and new.tree["pattern"] != old.tree.get("pattern"):
        yield Break(path=(*new.path, "pattern"), message="the pattern changed")


def _tighter(key: str, was: float, now: float) -> bool:
    return now > was if key in _LOWER else now < was


def _properties(old: Node, new: Node, side: Side, seen: Seen) -> Iterator[Break]:
    was, now = old.at("properties"), new.at("properties")
    for name in sorted(was.tree.keys() - now.tree.keys()):
        verb = "is no longer accepted" if side == "request" else "is no longer answered"
        yield Break(path=now.path, message=f"{name} {verb}")
    required, formerly = new.words("required"), old.words("required")
    changed = required - formerly if side == "request" else (formerly - required) & now.tree.keys()
    for name in sorted(changed):
        yield Break(path=(*now.path, name), message=f"{name} is {'now' if side == 'request' else 'no longer'} required")
    for name in sorted(was.tree.keys() & now.tree.keys()):
        yield from compare(was.raw(name), now.raw(name), side, seen)


def _alternatives(old: Node, new: Node, side: Side, *, keyword: str, seen: Seen) -> Iterator[Break]:
    was, now = old.items(keyword), new.items(keyword)
    wider = len(now) > len(was)
    if len(was) != len(now) and wider == ((side == "response") != (keyword == "allOf")):
        yield Break(path=(*new.path, keyword), message=f"{keyword} lists {len(now)} schemas, it was {len(was)}")
    for one, other in zip(was, now, strict=False):
        yield from compare(one, other, side, seen)
