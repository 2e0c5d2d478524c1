"""IAM policy documents: which statements match an access, their conditions, and what they decide.

Source: IAM User Guide, "IAM JSON policy elements", condition operators included.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Literal

import regex

from sagemaker_gitops.local.server.context import Caller, Document, unsupported


@dataclass(frozen=True, kw_only=True)
class Access:
    """One action on one resource, with the values that conditions look at."""

    action: str
    resource: str
    context: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @property
    def account(self) -> str:
        """Return the account in the resource's ARN; S3's have none, and "*" neither."""
        parts = self.resource.split(":")
        return parts[4] if len(parts) > 5 else ""

    def within(self, context: Mapping[str, tuple[str, ...]]) -> "Access":
        """Return the same access with more context."""
        return Access(action=self.action, resource=self.resource, context={**context, **self.context})


Context = Mapping[str, tuple[str, ...]]

# Keys of many values: only an operator with a quantifier is ever satisfied by them.
_LISTS = frozenset({"aws:tagkeys", "events:detail-type", "events:source", "kms:resourcealiases"})
_SET = re.compile(r"(ForAnyValue|ForAllValues):")


def conditions_hold(condition: Mapping[str, Mapping[str, object]], context: Context) -> bool:
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
        raise unsupported(f"the condition operator {name}")
    return _COMPARISONS[positive]


def _listed(value: object) -> list[str]:
    items = value if isinstance(value, list) else [value]
    return [str(item).lower() if isinstance(item, bool) else str(item) for item in items]


Effect = Literal["Allow", "Deny"]
Verdict = Literal["allowed", "denied", "silent"]


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks: a role's ARN and its account, or a service's name and no account."""

    arn: str
    account: str


@dataclass(frozen=True, kw_only=True)
class Policy:
    """A policy with the name that a report calls it by."""

    name: str
    document: Document

    def statements(self) -> list[Document]:
        """Return the statements; a policy may hold a single one without a list."""
        found = self.document.get("Statement", [])
        return found if isinstance(found, list) else [found]


def judge(policies: Iterable[Policy], access: Access) -> Verdict:
    """Return what identity policies say: one Deny outweighs every Allow."""
    return _verdict(s["Effect"] for policy in policies for s in policy.statements() if matches_access(s, access))


def judge_resource(policy: Policy, access: Access, principal: Principal) -> Verdict:
    """Return what a resource's own policy says about a principal."""
    matching = (s for s in policy.statements() if _names(s, principal) and matches_access(s, access))
    return _verdict(s["Effect"] for s in matching)


def names_directly(policy: Policy, access: Access, principal: Principal) -> bool:
    """Return whether a resource's policy allows the principal itself, and not just its account's administrators."""
    own = Principal(arn=principal.arn, account="")
    return any(s["Effect"] == "Allow" and _names(s, own) and matches_access(s, access) for s in policy.statements())


def matches_access(statement: Mapping[str, object], access: Access) -> bool:
    """Return whether a statement is about an access: action, resource and conditions."""
    return (
        _covers(statement, "Action", access.action, fold=True)
        and _covers(statement, "Resource", access.resource, fold=False)
        and conditions_hold(_conditions(statement), access.context)
    )


def _verdict(effects: Iterable[object]) -> Verdict:
    found = set(effects)
    return "denied" if "Deny" in found else "allowed" if "Allow" in found else "silent"


def _covers(statement: Mapping[str, object], element: str, value: str, *, fold: bool) -> bool:
    if f"Not{element}" in statement:
        return not any(_like(pattern, value, fold=fold) for pattern in _texts(statement[f"Not{element}"]))
    # A repository's policy is about the repository that it is attached to, and names no resource.
    return element not in statement or any(_like(p, value, fold=fold) for p in _texts(statement[element]))


def _like(pattern: str, value: str, *, fold: bool) -> bool:
    return matches(pattern.lower(), value.lower()) if fold else matches(pattern, value)


def _conditions(statement: Mapping[str, object]) -> Mapping[str, Mapping[str, object]]:
    found = statement.get("Condition", {})
    return found if isinstance(found, dict) else {}


def _names(statement: Mapping[str, object], principal: Principal) -> bool:
    named = statement.get("Principal")
    if named == "*":
        return True
    kinds = named if isinstance(named, dict) else {}
    listed = [text for kind in ("AWS", "Service") for text in _texts(kinds.get(kind, []))]
    whole = {"*", principal.account, f"arn:aws:iam::{principal.account}:root"} if principal.account else {"*"}
    return any(name in whole or name == principal.arn for name in listed)


def _texts(value: object) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        yield str(item)


_SESSION = regex.compile(r"arn:aws:sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.*")


@dataclass(frozen=True, kw_only=True)
class CrossAccountAccess:
    """Who wants to do what to what."""

    caller: Caller
    action: str
    resource: str

    @property
    def principal_arn(self) -> str:
        """Return the role behind a session, as aws:PrincipalArn has it."""
        if session := _SESSION.fullmatch(self.caller.arn):
            return f"arn:aws:iam::{session['account']}:role/{session['role']}"
        return self.caller.arn


def allows_other_account(policy: Document, access: CrossAccountAccess) -> bool:
    """Return whether a policy allows an access and none of its statements denies it."""
    principal = Principal(arn=access.principal_arn, account=access.caller.place.account)
    context = {"aws:PrincipalArn": (principal.arn,), "aws:PrincipalAccount": (principal.account,)}
    asked = Access(action=access.action, resource=access.resource, context=context)
    return judge_resource(Policy(name="resource policy", document=policy), asked, principal) == "allowed"
