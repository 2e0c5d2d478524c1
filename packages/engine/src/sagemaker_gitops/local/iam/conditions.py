"""IAM's condition operators (IAM reference: "IAM JSON policy elements: Condition operators")."""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache

Context = Mapping[str, tuple[str, ...]]

# Keys of many values: only an operator with a quantifier is ever satisfied by them.
_LISTS = frozenset({"aws:tagkeys", "events:detail-type", "events:source", "kms:resourcealiases"})
_SET = re.compile(r"(ForAnyValue|ForAllValues):")


def holds(condition: Mapping[str, Mapping[str, object]], context: Context) -> bool:
    """Return whether every operator of a statement's Condition is satisfied."""
    known = {key.lower(): values for key, values in context.items()}
    return all(
        _operator(operator, key, _listed(wanted), known.get(key.lower()))
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def matches(pattern: str, value: str) -> bool:
    """Compare with IAM's wildcards: * for any characters, ? for one."""
    return _expression(pattern).fullmatch(value) is not None


@cache
def _expression(pattern: str) -> re.Pattern[str]:
    parts = ({"*": ".*", "?": "."}.get(char, re.escape(char)) for char in pattern)
    return re.compile("".join(parts), re.DOTALL)


def arn_matches(pattern: str, value: str) -> bool:
    """Compare ARNs part by part: a wildcard does not cross a colon, but in the last part."""
    theirs, ours = pattern.split(":", 5), value.split(":", 5)
    return len(theirs) == len(ours) and all(map(matches, theirs, ours))


def _operator(name: str, key: str, wanted: Sequence[str], values: tuple[str, ...] | None) -> bool:
    quantifier = _SET.match(name)
    plain = _SET.sub("", name)
    optional = plain.endswith("IfExists")
    plain = plain.removesuffix("IfExists")
    if plain == "Null":
        return (values is None) == (wanted[0].lower() == "true")
    if not quantifier and key.lower() in _LISTS:
        return False
    if values is None:
        return optional or plain in _NEGATED or bool(quantifier and quantifier[1] == "ForAllValues")
    compare = _comparison(plain)
    if plain in _NEGATED:
        hits = [all(not compare(want, value) for want in wanted) for value in values]
    else:
        hits = [any(compare(want, value) for want in wanted) for value in values]
    return any(hits) if quantifier and quantifier[1] == "ForAnyValue" else all(hits)


_NEGATED = frozenset({"StringNotEquals", "StringNotEqualsIgnoreCase", "StringNotLike", "ArnNotEquals", "ArnNotLike"})
_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda wanted, value: wanted == value,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": matches,
    "ArnEquals": arn_matches,
    "ArnLike": arn_matches,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "NumericLessThan": lambda wanted, value: float(value) < float(wanted),
    "NumericLessThanEquals": lambda wanted, value: float(value) <= float(wanted),
    "NumericGreaterThan": lambda wanted, value: float(value) > float(wanted),
    "NumericGreaterThanEquals": lambda wanted, value: float(value) >= float(wanted),
    "NumericEquals": lambda wanted, value: float(value) == float(wanted),
}


def _comparison(name: str) -> Callable[[str, str], bool]:
    positive = name.replace("Not", "") if name in _NEGATED else name
    if positive not in _COMPARISONS:
        raise ValueError(f"the condition operator {name} is not implemented")
    return _COMPARISONS[positive]


def _listed(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
