"""Intrinsic functions and dynamic references, evaluated: Ref, GetAtt, Sub, conditions, and Secrets Manager's secrets.

Source: AWS CloudFormation User Guide, "Intrinsic function reference" and "Get a secret from Secrets Manager".
"""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sagemaker_gitops.local.cloudformation.template import Template, refused, substituted
from sagemaker_gitops.local.server.clients import Api
from sagemaker_gitops.local.server.context import Document, unsupported

KNOWN_AFTER_APPLY = "(known after apply)"
_NO_VALUE = object()


@dataclass(frozen=True, kw_only=True)
class Physical:
    """What a resource that exists answers to Ref and GetAtt."""

    identifier: str
    attributes: Mapping[str, str]


Lookup = Callable[[str], Physical | None]


class Evaluator:
    """Evaluates the expressions of one template."""

    def __init__(self, template: Template, values: Mapping[str, object], lookup: Lookup) -> None:
        self._template = template
        self._values = {**values, "AWS::NoValue": _NO_VALUE}
        self._lookup = lookup
        self._functions: dict[str, Callable[[object], object]] = {
            "Ref": lambda value: self._ref(str(value)),
            "Condition": lambda value: self.condition(str(value)),
            "Fn::GetAtt": lambda value: self._attribute(*_texts(value)),
            "Fn::Sub": self._sub,
            "Fn::Join": self._join,
            "Fn::Select": self._select,
            "Fn::Split": self._split,
            "Fn::If": self._if,
            "Fn::Equals": lambda value: len({str(item) for item in self._list(value)}) == 1,
            "Fn::Not": lambda value: not self._list(value)[0],
            "Fn::And": lambda value: all(self._list(value)),
            "Fn::Or": lambda value: any(self._list(value)),
        }

    def condition(self, name: str | None) -> bool:
        """Tell whether a condition of the template holds; no condition always does."""
        if name is None:
            return True
        if name not in self._template.conditions:
            raise refused(f"Template error: unresolved condition {name}")
        return bool(self.value(self._template.conditions[name]))

    def properties(self, document: Document) -> Document:
        """Evaluate a resource's properties."""
        found = self.value(document)
        return found if isinstance(found, dict) else {}

    def value(self, expression: object) -> object:
        """Evaluate anything."""
        if isinstance(expression, list):
            return [item for part in expression if (item := self.value(part)) is not _NO_VALUE]
        if not isinstance(expression, dict):
            return expression
        if len(expression) == 1:
            ((name, argument),) = expression.items()
            if name in self._functions and not (name == "Condition" and isinstance(argument, dict)):
                return self._functions[name](argument)
            if str(name).startswith("Fn::"):
                raise unsupported(f"the function {name}")
        return {key: item for key, part in expression.items() if (item := self.value(part)) is not _NO_VALUE}

    def _list(self, value: object) -> list[object]:
        found = self.value(value)
        return found if isinstance(found, list) else [found]

    def _ref(self, name: str) -> object:
        if name in self._values:
            return self._values[name]
        self._require(name)
        found = self._lookup(name)
        return found.identifier if found else KNOWN_AFTER_APPLY

    def _attribute(self, name: str, attribute: str) -> str:
        self._require(name)
        found = self._lookup(name)
        if found is None:
            return KNOWN_AFTER_APPLY
        if attribute not in found.attributes:
            raise unsupported(f"Fn::GetAtt {name}.{attribute}")
        return found.attributes[attribute]

    def _require(self, name: str) -> None:
        resource = self._template.resources.get(name)
        if resource is None or not self.condition(resource.condition):
            raise refused(f"Template format error: Unresolved resource dependencies [{name}]")

    def _sub(self, argument: object) -> str:
        text, names = (argument, {}) if isinstance(argument, str) else _pair(argument)
        own = {key: self.value(item) for key, item in names.items()} if isinstance(names, dict) else {}
        written, end = "", 0
        for found in substituted(str(text)):
            written += str(text)[end : found.start()] + self._placed(found[1], found[2], own)
            end = found.end()
        return written + str(text)[end:]

    def _placed(self, literal: str, name: str, own: Mapping[str, object]) -> str:
        if literal:
            return f"${{{name}}}"
        if name in own:
            return str(own[name])
        if name not in self._values and "." in name:
            return self._attribute(*name.split(".", 1))
        value = self._ref(name)
        return ",".join(str(item) for item in value) if isinstance(value, list) else str(value)

    def _join(self, argument: object) -> str:
        separator, parts = _pair(argument)
        return str(separator).join(str(item) for item in self._list(parts))

    def _select(self, argument: object) -> object:
        index, parts = _pair(argument)
        return self._list(parts)[int(str(index))]

    def _split(self, argument: object) -> object:
        separator, text = _pair(argument)
        return str(self.value(text)).split(str(separator))

    def _if(self, argument: object) -> object:
        name, yes, no = argument if isinstance(argument, list) else (None, None, None)
        return self.value(yes if self.condition(name) else no)


def _pair(argument: object) -> tuple[object, object]:
    if not isinstance(argument, list) or len(argument) != 2:
        raise refused(f"Template error: a list of two was expected, but this was given: {argument!r}")
    return argument[0], argument[1]


def _texts(argument: object) -> tuple[str, str]:
    first, second = _pair(argument)
    return str(first), str(second)


_REFERENCE = re.compile(r"\{\{resolve:([\w-]+):([^}]+)\}\}")


def resolve_secrets(api: Api, properties: Document) -> Document:
    """Put secrets in the place of references to them; what a stack keeps is the reference."""
    return {name: _value(api, value) for name, value in properties.items()}


def _value(api: Api, value: object) -> object:
    if isinstance(value, dict):
        return resolve_secrets(api, value)
    if isinstance(value, list):
        return [_value(api, item) for item in value]
    if isinstance(value, str):
        return _REFERENCE.sub(lambda found: _secret(api, found[1], found[2]), value)
    return value


def _secret(api: Api, service: str, reference: str) -> str:
    name, kind, key, *more = (*reference.split(":"), "", "")
    if service != "secretsmanager" or kind != "SecretString" or any(more):
        raise unsupported(f"the reference {service}:{reference}")
    found = api.find("secretsmanager", "get_secret_value", SecretId=name)
    if found is None:
        raise refused("Secrets Manager can't find the specified secret.")
    text = str(found["SecretString"])
    return str(json.loads(text)[key]) if key else text
