"""Two versions of openapi.yml: what a caller of the older one can no longer do."""

from collections.abc import Iterator

from sagemaker_gitops.project.shapes import Break, Node, Side, Tree, compare, tree

_METHODS = ("delete", "get", "head", "options", "patch", "post", "put", "trace")


def breaking(before: Tree, after: Tree) -> tuple[Break, ...]:
    """Find every change that breaks callers."""
    old, new = (Node(document=document, tree=document, path=()) for document in (before, after))
    return tuple(dict.fromkeys(_operations(old, new)))


def version(document: Tree) -> tuple[int, ...]:
    """Read info.version as numbers; (0,) if it has none."""
    numbers = str(tree(document.get("info")).get("version", "")).split(".")
    return tuple(int(number) for number in numbers if number.isdigit()) or (0,)


def allows_breaks(before: Tree, after: Tree) -> bool:
    """Tell whether the major version rose, which announces that callers have to change."""
    return version(after)[0] > version(before)[0]


def _operations(old: Node, new: Node) -> Iterator[Break]:
    for path, item in old.at("paths").tree.items():
        for method in _METHODS:
            if method in tree(item):
                yield from _operation(old.at("paths", path, method), new.at("paths", path, method))


def _operation(old: Node, new: Node) -> Iterator[Break]:
    if not new.tree:
        path, method = old.path[1:3]
        yield Break(path=new.path, message=f"{str(method).upper()} {path} was removed")
        return
    yield from _parameters(old, new)
    yield from _body(old.at("requestBody"), new.at("requestBody"))
    yield from _responses(old.at("responses"), new.at("responses"))


def _parameters(old: Node, new: Node) -> Iterator[Break]:
    was, now = ({(n.tree.get("in"), n.tree.get("name")): n for n in side.items("parameters")} for side in (old, new))
    for key, parameter in now.items():
        if parameter.tree.get("required") and not (key in was and was[key].tree.get("required")):
            yield Break(path=parameter.path, message=f"{key[0]} parameter {key[1]} is now required")
        if key in was:
            yield from compare(was[key].at("schema"), parameter.at("schema"), "request")


def _body(old: Node, new: Node) -> Iterator[Break]:
    if new.tree.get("required") and not old.tree.get("required"):
        yield Break(path=(*new.path, "required"), message="a body is now required")
    yield from _content(old, new, "request")


def _responses(old: Node, new: Node) -> Iterator[Break]:
    for status in old.tree:
        if status in new.tree:
            was, now = old.at(status), new.at(status)
            yield from _content(was, now, "response")
            for name in sorted(was.at("headers").tree.keys() - now.at("headers").tree.keys()):
                yield Break(path=now.path, message=f"header {name} is no longer answered")
        elif str(status).startswith("2"):
            yield Break(path=new.path, message=f"status {status} is no longer answered")


def _content(old: Node, new: Node, side: Side) -> Iterator[Break]:
    was, now = old.at("content"), new.at("content")
    for kind in was.tree:
        if kind in now.tree:
            yield from compare(was.at(kind, "schema"), now.at(kind, "schema"), side)
        else:
            verb = "accepted" if side == "request" else "answered"
            yield Break(path=now.path, message=f"{kind} is no longer {verb}")
