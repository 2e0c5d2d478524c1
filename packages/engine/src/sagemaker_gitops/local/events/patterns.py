"""Event patterns: which events a target gets.

Source: Amazon EventBridge User Guide, "Event patterns".
"""

import ipaddress
import math
import operator
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import regex

from sagemaker_gitops.local.server.context import Document, Refusal, unsupported

_NUMERIC: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">": operator.gt,
    ">=": operator.ge,
}
_RANGE = regex.compile(r"=|<=?|>=?|>=?,<=?")
_WILDCARD = regex.compile(r"(?:[^\\*]|\\[\\*]|\*(?!\*))*")
# EventBridge refuses patterns that are too complex, by a measure of its own.
_MOST_WILDCARDS = 3
_TEXTS = ("prefix", "suffix", "equals-ignore-case", "wildcard")


def matches_pattern(pattern: Document, event: object) -> bool:
    """Return whether an event has what a pattern asks for: every field, one of its values each."""
    check_pattern(pattern)
    return _object(_nested(pattern), _nested(event))


def _nested(value: object) -> Any:
    """Read a field called a.b as the field b of a: EventBridge looks at paths."""
    if isinstance(value, list):
        return [_nested(one) for one in value]
    if not isinstance(value, dict):
        return value
    found: Document = {}
    for name, one in value.items():
        *above, last = name.split(".") if name.strip(".") else [name]
        inner = found
        for step in above:
            inner = inner.setdefault(step, {})
        if not isinstance(inner, dict) or last in inner:
            raise unsupported(f"a field beside another of the same path: {name}")
        inner[last] = _nested(one)
    return found


def check_pattern(pattern: object) -> None:
    """Refuse a pattern that EventBridge refuses, whatever event comes."""
    if not isinstance(pattern, dict) or not pattern:
        raise _invalid("Filter is not an object, or an empty one")
    for name, rule in pattern.items():
        if name == "$or":
            _check_alternatives(rule)
        elif isinstance(rule, dict):
            check_pattern(rule)
        elif not isinstance(rule, list) or not rule:
            raise _invalid(f'"{name}" must be an object or an array that is not empty')
        else:
            for wanted in rule:
                _check(wanted)


def _check_alternatives(rule: object) -> None:
    if not isinstance(rule, list) or len(rule) < 2:
        raise unsupported("a $or of fewer than two patterns")
    for one in rule:
        check_pattern(one)


def _check(wanted: object) -> None:
    if isinstance(wanted, list):
        raise _invalid("Match value must be String, number, true, false, or null")
    if not isinstance(wanted, dict):
        return
    if len(wanted) != 1:
        raise _invalid(f"{wanted!r} must have exactly one operator")
    ((name, argument),) = wanted.items()
    if name == "exists":
        _require(isinstance(argument, bool), "exists match pattern must be either true or false.")
    elif name == "anything-but":
        _check_excluded(argument)
    elif name == "numeric":
        _check_range(argument)
    elif name == "cidr":
        _network(argument)
    else:
        _check_text(name, argument)


def _check_text(name: str, argument: object) -> None:
    if name in {"prefix", "suffix"} and isinstance(argument, dict) and list(argument) == ["equals-ignore-case"]:
        argument = argument["equals-ignore-case"]
    _require(name in _TEXTS, f"Unrecognized match type {name}")
    _require(isinstance(argument, str), f"{name} match pattern must be a string")
    if name == "wildcard":
        _require(_WILDCARD.fullmatch(str(argument)) is not None, "Consecutive wildcard characters, or a bad escape")
        if str(argument).count("*") > _MOST_WILDCARDS:
            raise unsupported(f"a wildcard pattern of more than {_MOST_WILDCARDS} wildcards: {argument}")


def _check_excluded(argument: object) -> None:
    if isinstance(argument, dict):
        _require(len(argument) == 1, "anything-but must have exactly one operator")
        ((name, inner),) = argument.items()
        for one in _several(inner):
            _require(isinstance(one, str), f"{name} match pattern must be a string")
            _require(one != "" or name not in {"prefix", "suffix"}, "Null prefix/suffix not allowed")
            _check_text(name, one)
        return
    plain = all(isinstance(one, str | int | float) and not isinstance(one, bool) for one in _several(argument))
    _require(plain and argument != [], "Value of anything-but must be an array or single string/number value.")


def _check_range(argument: object) -> None:
    _require(isinstance(argument, list), "Value of numeric must be an array.")
    pairs = list(_several(argument))
    signs, bounds = pairs[::2], pairs[1::2]
    numbers = all(isinstance(bound, int | float) and not isinstance(bound, bool) for bound in bounds)
    shaped = len(signs) == len(bounds) and _RANGE.fullmatch(",".join(map(str, signs))) is not None
    _require(shaped and numbers, f"{argument!r} is no numeric range")
    _require(len(bounds) < 2 or float(str(bounds[0])) < float(str(bounds[1])), "Bottom must be less than top")


def _require(holds: object, reason: str) -> None:
    if not holds:
        raise _invalid(reason)


def _several(value: object) -> Iterator[object]:
    yield from value if isinstance(value, list) else [value]


def _object(pattern: Mapping[str, object], event: object) -> bool:
    if isinstance(event, list):
        return any(_object(pattern, one) for one in event)
    if not isinstance(event, dict):
        event = {}
    alternatives = pattern.get("$or")
    if isinstance(alternatives, list) and not any(_object(one, event) for one in alternatives):
        return False
    return all(_field(rule, event, name) for name, rule in pattern.items() if name != "$or")


def _field(rule: object, event: Document, name: str) -> bool:
    if isinstance(rule, dict):
        return _object(rule, event.get(name))
    leaves = list(_leaves(event[name])) if name in event else []
    return any(_exists(wanted, leaves) for wanted in _several(rule)) or any(
        _item(wanted, found) for wanted in _several(rule) for found in leaves
    )


def _leaves(value: object) -> Iterator[object]:
    for one in _several(value):
        if isinstance(one, list):
            yield from _leaves(one)
        elif not isinstance(one, dict):
            yield one


def _exists(wanted: object, leaves: list[object]) -> bool:
    return isinstance(wanted, dict) and "exists" in wanted and bool(leaves) is wanted["exists"]


def _item(wanted: object, found: object) -> bool:
    if not isinstance(wanted, dict):
        return _equal(wanted, found)
    ((name, argument),) = wanted.items()
    if name == "exists":
        return False
    if name == "anything-but":
        return not _excluded(argument, found)
    if name == "numeric":
        return _number(found) and all(
            _NUMERIC[str(sign)](float(str(found)), float(bound))
            for sign, bound in zip(argument[::2], argument[1::2], strict=True)
        )
    if name == "cidr":
        return isinstance(found, str) and _within(argument, found)
    return isinstance(found, str) and _text(name, argument, found)


def _equal(wanted: object, found: object) -> bool:
    if _number(wanted) and _number(found):
        return math.isclose(float(str(wanted)), float(str(found)), rel_tol=0, abs_tol=0)
    return type(wanted) is type(found) and wanted == found


def _number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(name: str, argument: object, found: str) -> bool:
    if isinstance(argument, dict):
        return _text(name, str(argument["equals-ignore-case"]).lower(), found.lower())
    given = str(argument)
    if name == "prefix":
        return found.startswith(given)
    if name == "suffix":
        return found.endswith(given)
    if name == "equals-ignore-case":
        return found.lower() == given.lower()
    parts = regex.findall(r"\\[\\*]|\*|[^\\*]+", given)
    expression = "".join(".*" if part == "*" else regex.escape(part.removeprefix("\\")) for part in parts)
    return regex.fullmatch(expression, found, regex.DOTALL) is not None


def _excluded(argument: object, found: object) -> bool:
    if isinstance(argument, dict):
        ((name, inner),) = argument.items()
        return isinstance(found, str) and any(_text(name, one, found) for one in _several(inner))
    return any(_equal(one, found) for one in _several(argument))


def _network(argument: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    _require(isinstance(argument, str) and argument.count("/") == 1, "Malformed CIDR, one '/' required")
    try:
        return ipaddress.ip_network(str(argument), strict=False)
    except ValueError as problem:
        raise _invalid(f"Nonstandard IP address or malformed CIDR: {problem}") from None


def _within(argument: object, found: str) -> bool:
    try:
        return ipaddress.ip_address(found) in _network(argument)
    except ValueError:
        return False


def _invalid(reason: str) -> Refusal:
    return Refusal("InvalidEventPatternException", f"Event pattern is not valid. Reason: {reason}")
