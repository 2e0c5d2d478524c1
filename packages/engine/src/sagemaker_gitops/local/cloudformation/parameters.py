"""The values that a template is evaluated with."""

import re
from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.template import Template, refused
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.refusal import unsupported

_LISTS = frozenset({"CommaDelimitedList"})
_SCALARS = frozenset({"String", "Number"})


def resolve(template: Template, given: Mapping[str, str]) -> dict[str, str]:
    """Return the value of every parameter, checked against its declaration."""
    if unknown := sorted(set(given) - set(template.parameters)):
        raise refused(f"Parameters: [{', '.join(unknown)}] do not exist in the template")
    found = {name: str(given.get(name, item.get("Default"))) for name, item in template.parameters.items()}
    if missing := [n for n, item in template.parameters.items() if n not in given and "Default" not in item]:
        raise refused(f"Parameters: [{', '.join(missing)}] must have values")
    for name, item in template.parameters.items():
        _check(name, item, found[name])
    return found


def evaluated(
    template: Template, values: Mapping[str, str], *, place: Place, stack_name: str, stack_id: str
) -> dict[str, object]:
    """Return what Ref answers: parameters in their types, and the pseudo parameters."""
    typed = {name: _typed(template.parameters[name], value) for name, value in values.items()}
    return {
        **typed,
        "AWS::AccountId": place.account,
        "AWS::Region": place.region,
        "AWS::Partition": "aws",
        "AWS::URLSuffix": "amazonaws.com",
        "AWS::StackName": stack_name,
        "AWS::StackId": stack_id,
    }


def _typed(declaration: Document, value: str) -> object:
    if declaration["Type"] == "Number":
        return float(value) if "." in value else int(value)
    return value.split(",") if declaration["Type"] in _LISTS else value


def _check(name: str, declaration: Document, value: str) -> None:
    kind = declaration["Type"]
    if kind not in _LISTS | _SCALARS:
        raise unsupported(f"the parameter type {kind}")
    allowed = [str(item) for item in declaration.get("AllowedValues", [])]
    if allowed and value not in allowed:
        raise refused(f"Parameter '{name}' must be one of AllowedValues")
    items = value.split(",") if kind in _LISTS else [value]
    pattern = declaration.get("AllowedPattern")
    if pattern and not all(re.fullmatch(pattern, item) for item in items):
        raise refused(f"Parameter '{name}' must match pattern {pattern}")
    if kind == "Number" and not re.fullmatch(r"-?\d+(\.\d+)?", value):
        raise refused(f"Parameter '{name}' must be a number")
    if not int(declaration.get("MinLength", 0)) <= len(value) <= int(declaration.get("MaxLength", 4096)):
        raise refused(f"Parameter '{name}' has a length that is not allowed")
