"""EventBridge's event patterns."""

import fnmatch
import operator
from collections.abc import Callable

from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import Refusal

_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
}


def matches(pattern: Document, event: object) -> bool:
    """Return whether an event has what a pattern asks for: every field, one of its values each."""
    if not isinstance(event, dict):
        return False
    fields = {name: rule for name, rule in pattern.items() if name != "$or"}
    alternatives = pattern.get("$or")
    if alternatives is not None and not any(matches(one, event) for one in alternatives):
        return False
    return all(_field(rule, event.get(name)) for name, rule in fields.items())


def _field(rule: object, value: object) -> bool:
    if isinstance(rule, dict):
        return matches(rule, value)
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
