"""GitHub's own description of its REST interface: which calls exist, and what they take and answer."""

import json
import re
from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import unquote

from openapi_schema_validator import OAS30Validator
from referencing import Registry
from referencing.jsonschema import DRAFT4

_URI = "urn:github"
_TREE: dict[str, Any] = json.loads(Path(__file__).with_name("description.json").read_text())
_REGISTRY: Registry[Any] = Registry().with_resource(_URI, DRAFT4.create_resource(_TREE))


@dataclass(frozen=True, kw_only=True)
class Call:
    """A call that the description knows, with the values in its path."""

    operation: str
    template: str
    method: str
    values: Mapping[str, str]

    @property
    def _tree(self) -> dict[str, Any]:
        found: dict[str, Any] = _TREE["paths"][self.template][self.method]
        return found

    def complaints(self, body: object) -> list[str]:
        """Say what GitHub would not understand in a request's body; it drops unknown keys, this does not."""
        pointer = ("requestBody", "content", "application/json", "schema")
        schema = self._at(*pointer)
        if schema is None:
            return [] if body is None else ["no body is expected"]
        known = schema.get("properties", body)
        unknown = sorted(set(body) - set(known)) if isinstance(body, dict) else []
        return [*self._faults(body, *pointer), *(f"unknown key {key}" for key in unknown)]

    def require_answer(self, status: int, body: object) -> None:
        """Hold an answer of the stand-in against the description."""
        pointer = ("responses", str(status), "content", "application/json", "schema")
        if self._at(*pointer) is not None:
            faults = self._faults(body, *pointer)
            assert not faults, f"{self.operation} never answers so: {faults}"
        else:
            assert str(status) in self._tree["responses"] or status == 404, f"{self.operation} never answers {status}"

    def example(self, status: str = "200") -> Any:
        """Copy the first answer of a status that the description shows."""
        examples = self._at("responses", status, "content", "application/json")
        assert examples is not None
        return deepcopy(_resolved(next(iter(examples["examples"].values())))["value"])

    def _at(self, *pointer: str) -> dict[str, Any] | None:
        node: Any = self._tree
        for step in pointer:
            node = _resolved(node).get(step)
            if node is None:
                return None
        found: dict[str, Any] = _resolved(node)
        return found

    def _faults(self, body: object, *pointer: str) -> list[str]:
        path = "/".join(part.replace("~", "~0").replace("/", "~1") for part in (self.template, self.method, *pointer))
        validator = OAS30Validator({"$ref": f"{_URI}#/paths/{path}"}, registry=_REGISTRY)
        return [f"{'.'.join(map(str, fault.absolute_path))}: {fault.message}" for fault in validator.iter_errors(body)]


def find(method: str, path: str) -> Call | None:
    """Recognise a call by its method and path."""
    for template, methods in _TREE["paths"].items():
        pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", template)
        match = re.fullmatch(pattern, path)
        if match and method.lower() in methods:
            values = {key: unquote(value) for key, value in match.groupdict().items()}
            operation = methods[method.lower()]["operationId"]
            return Call(operation=operation, template=template, method=method.lower(), values=values)
    return None


def _resolved(node: Any) -> Any:
    while isinstance(node, dict) and isinstance(target := node.get("$ref"), str):
        node = _TREE
        for step in target.removeprefix("#/").split("/"):
            node = node[step]
    return node
