"""Event patterns, and input transformers: which events a target gets, and as what text.

Source: Amazon EventBridge User Guide, "Event patterns" and "Input transformation".
"""

import fnmatch
import json
import operator
from collections.abc import Callable

import regex

from sagemaker_gitops.local.server.context import Document, Refusal

_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches_pattern(pattern: Document, event: object) -> bool:
    """Return whether an event has what a pattern asks for: every field, one of its values each."""
    if not isinstance(event, dict):
        return False
    fields = {name: rule for name, rule in pattern.items() if name != "$or"}
    alternatives = pattern.get("$or")
    if alternatives is not None and not any(matches_pattern(one, event) for one in alternatives):
        return False
    return all(_field(rule, event.get(name)) for name, rule in fields.items())


def _field(rule: object, value: object) -> bool:
    if isinstance(rule, dict):
        return matches_pattern(rule, value)
    if not isinstance(rule, list):
        raise _invalid(f"{rule!r} must be an object or an array")
    values = value if isinstance(value, list) else [value]
    return any(_item(wanted, found) for wanted in rule for found in values)


def _item(wanted: object, found: object) -> bool:
    if not isinstance(wanted, dict):
        return type(wanted) is type(found) and wanted == found
    if len(wanted) != 1:
        raise _invalid(f"{wanted!r} must have exactly one operator")
    ((name, argument),) = wanted.items()
    if name == "exists":
        return (found is not None) is bool(argument)
    if name == "anything-but":
        return found is not None and not _excluded(argument, found)
    if name == "numeric":
        return isinstance(found, int | float) and _numeric(list(argument), found)
    return isinstance(found, str) and _text(name, argument, found)


def _text(name: str, argument: object, found: str) -> bool:
    if isinstance(argument, dict):
        return _text(name, str(argument.get("equals-ignore-case", "")).lower(), found.lower())
    given = str(argument)
    tests: dict[str, Callable[[], bool]] = {
        "prefix": lambda: found.startswith(given),
        "suffix": lambda: found.endswith(given),
        "equals-ignore-case": lambda: found.lower() == given.lower(),
        "wildcard": lambda: fnmatch.fnmatchcase(found, given.replace("[", "[[]").replace("?", "[?]")),
    }
    if name not in tests:
        raise _invalid(f"unrecognized match type {name}")
    return tests[name]()


def _excluded(argument: object, found: object) -> bool:
    if isinstance(argument, dict):
        ((name, inner),) = argument.items()
        several = inner if isinstance(inner, list) else [inner]
        return isinstance(found, str) and any(_text(name, one, found) for one in several)
    return found in (argument if isinstance(argument, list) else [argument])


def _numeric(argument: list[object], found: float) -> bool:
    pairs = list(zip(argument[::2], argument[1::2], strict=False))
    if not pairs or any(sign not in _NUMERIC for sign, _ in pairs):
        raise _invalid(f"{argument!r} is no numeric range")
    return all(_NUMERIC[str(sign)](found, float(str(bound))) for sign, bound in pairs)


def _invalid(reason: str) -> Refusal:
    return Refusal("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")


_STEP = regex.compile(r"\.([\w-]+)|\[(\d+)\]")
_PLACEHOLDER = regex.compile(r"<([\w.-]+)>")
# A string of JSON whole, or a placeholder outside of any.
_PART = regex.compile(r'"(?:[^"\\]|\\.)*"|<([\w.-]+)>')


def input_of(target: Document, document: Document, rule: Document) -> str:
    """Return the text for a target; ValueError when a JSON template does not give JSON."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(target["InputPath"], document))
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], document, rule)
    return json.dumps(document)


def _transformed(transformer: Document, document: Document, rule: Document) -> str:
    values = {name: _at(path, document) for name, path in transformer.get("InputPathsMap", {}).items()}
    values["aws.events.event"] = {name: value for name, value in document.items() if name != "detail"}
    values["aws.events.event.json"] = document
    values["aws.events.rule-arn"] = rule["Arn"]
    values["aws.events.rule-name"] = rule["Name"]
    values["aws.events.event.ingestion-time"] = document["time"]
    template = str(transformer["InputTemplate"])
    if not template.lstrip().startswith(("{", "[")):
        return _filled(template, values)
    text = _PART.sub(lambda part: _json(values, part[1]) if part[1] else _filled(part[0], values), template)
    return json.dumps(json.loads(text), separators=(",", ":"))


def _filled(text: str, values: Document) -> str:
    """Put values into a text as they are: EventBridge escapes nothing there."""
    return _PLACEHOLDER.sub(lambda found: _plain(values.get(found[1])), text)


def _plain(value: object) -> str:
    return "" if value is None else value if isinstance(value, str) else json.dumps(value)


def _json(values: Document, name: str) -> str:
    """Write a value that stands for itself in JSON; one that the event does not have leaves nothing."""
    return "" if values.get(name) is None else json.dumps(values[name])


def _at(path: str, document: Document) -> object:
    """Return what a JSON path like $.detail.items[0] names, or None."""
    value: object = document
    for name, index in _STEP.findall(path.removeprefix("$")):
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        else:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
    return value
