"""Conditions of IAM's policies: operators, keys that a request carries or lacks, and keys that nobody fills here.

Sources: IAM User Guide, "Condition operators", "Multivalued context keys" and "AWS global condition context keys".
"""

import datetime as dt
import ipaddress
import operator
import re
from collections.abc import Callable, Mapping, Sequence
from functools import cache, partial

from sagemaker_gitops.local.server.context import unsupported

Context = Mapping[str, tuple[str, ...]]
"""The values of a request's condition keys."""

# Keys of many values: only an operator with a quantifier is ever satisfied by them.
_LISTS = frozenset({"aws:tagkeys", "events:detail-type", "events:source", "kms:resourcealiases"})
_SET = re.compile(r"(ForAnyValue|ForAllValues):")
# Filled wherever AWS documents them, so that a request without them has none. Any other key may be unknown only here.
_FILLED = frozenset(
    {
        "application-autoscaling:scalable-dimension",
        "application-autoscaling:service-namespace",
        "aws:principalaccount",
        "aws:principalarn",
        "aws:principalorgid",
        "aws:principalorgpaths",
        "aws:principalservicename",
        "aws:resourceorgid",
        "aws:resourceorgpaths",
        "aws:sourceaccount",
        "aws:sourcearn",
        "aws:sourceorgid",
        "aws:sourceorgpaths",
        "aws:sourceowner",
        "aws:sourcevpc",
        "aws:sourcevpce",
        "aws:username",
        "aws:vpcsourceip",
        "cloudwatch:namespace",
        "events:source",
        "iam:awsservicename",
        "iam:passedtoservice",
        "kms:resourcealiases",
        "kms:viaservice",
        "s3:prefix",
        "sagemaker:modelapprovalstatus",
        "sts:externalid",
        "sts:rolesessionname",
        "sts:sourceidentity",
        "sts:transitivetagkeys",
    }
)
_FAMILIES = ("aws:principaltag/", "kms:encryptioncontext:")


def conditions_hold(condition: Mapping[str, Mapping[str, object]], context: Context) -> bool:
    """Return whether every operator of a statement's Condition is satisfied; 501 where an unknown key decides."""
    known = {key.lower(): values for key, values in context.items()}
    asked = [(name, key.lower(), _listed(wanted)) for name, keys in condition.items() for key, wanted in keys.items()]
    unknown = [key for _, key, _ in asked if key not in known and not _absent(key, known)]
    held = all(_operator(name, key, wanted, known.get(key)) for name, key, wanted in asked if key not in unknown)
    if held and unknown:
        raise unsupported(f"the condition keys {', '.join(sorted(unknown))}")
    return held


def _absent(key: str, known: Context) -> bool:
    # An identity provider's keys are its host and a claim: what the token does not claim, the request lacks.
    provider = f"{key.rpartition(':')[0]}:" if "." in key.rpartition(":")[0] else None
    family = next((family for family in _FAMILIES if key.startswith(family)), provider)
    return key in _FILLED or (family is not None and any(other.startswith(family) for other in known))


def matches(pattern: str, value: str) -> bool:
    """Compare with IAM's wildcards: * for any characters, ? for one."""
    if "${" in pattern:
        raise unsupported(f"policy variables: {pattern}")
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
        return (not values) == (wanted[0].lower() == "true")
    if not quantifier and key in _LISTS:
        return False
    negated, compare = _comparison(plain)
    if any("${" in text for text in wanted):
        raise unsupported(f"policy variables: {', '.join(wanted)}")
    if not values:
        # No value is among any, IfExists or not; among all, and of a negation, nothing contradicts.
        return quantifier[1] == "ForAllValues" if quantifier else optional or negated
    hits = [any(compare(want, value) for want in wanted) is not negated for value in values]
    return any(hits) if quantifier and quantifier[1] == "ForAnyValue" else all(hits)


def _ordered(convert: Callable[[str], float], compare: Callable[[float, float], bool], wanted: str, value: str) -> bool:
    return compare(convert(value), convert(wanted))


def _moment(text: str) -> float:
    return float(text) if re.fullmatch(r"[\d.]+", text) else dt.datetime.fromisoformat(text).timestamp()


_ORDER = {
    "Equals": operator.eq,
    "LessThan": operator.lt,
    "LessThanEquals": operator.le,
    "GreaterThan": operator.gt,
    "GreaterThanEquals": operator.ge,
}
_COMPARISONS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": operator.eq,
    "StringEqualsIgnoreCase": lambda wanted, value: wanted.lower() == value.lower(),
    "StringLike": matches,
    "ArnEquals": arn_matches,
    "ArnLike": arn_matches,
    "Bool": lambda wanted, value: wanted.lower() == value.lower(),
    "IpAddress": lambda wanted, value: ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False),
    **{f"Numeric{name}": partial(_ordered, float, compare) for name, compare in _ORDER.items()},
    **{f"Date{name}": partial(_ordered, _moment, compare) for name, compare in _ORDER.items()},
}


def _comparison(name: str) -> tuple[bool, Callable[[str, str], bool]]:
    positive = name.replace("Not", "", 1)
    if positive not in _COMPARISONS:
        raise unsupported(f"the condition operator {name}")
    return positive != name, _COMPARISONS[positive]


def _listed(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]
