"""Resource policies: whether one lets a principal of another account in."""

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass

import regex

from pipeline.local.place import Caller, Document

_SESSION = regex.compile(r"arn:aws:sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/.*")
_LIKE = frozenset({"ArnLike", "ArnEquals", "StringLike"})


@dataclass(frozen=True, kw_only=True)
class Access:
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


def allows(policy: Document, access: Access) -> bool:
    """Return whether a policy allows an access and none of its statements denies it."""
    statements = [s for s in _several(policy["Statement"]) if isinstance(s, dict) and _applies(s, access)]
    effects = {statement["Effect"] for statement in statements}
    return effects == {"Allow"}


def _applies(statement: Document, access: Access) -> bool:
    return (
        _principal(statement.get("Principal", {}), access)
        and _matches(statement.get("Action", []), access.action)
        and _matches(statement.get("Resource", []), access.resource)
        and all(_condition(name, wanted, access) for name, wanted in statement.get("Condition", {}).items())
    )


def _principal(principal: object, access: Access) -> bool:
    named = principal.get("AWS", []) if isinstance(principal, dict) else principal
    account = access.caller.place.account
    whole = {"*", account, f"arn:aws:iam::{account}:root"}
    return any(name in whole or name == access.principal_arn for name in _several(named))


def _condition(operator: str, wanted: Document, access: Access) -> bool:
    """Return whether a condition holds; one on a key that is not known here never does."""
    known = {"aws:PrincipalArn": access.principal_arn, "aws:PrincipalAccount": access.caller.place.account}
    if operator not in _LIKE | {"StringEquals"}:
        return False
    for key, values in wanted.items():
        actual = known.get(key)
        exact = operator == "StringEquals"
        if actual is None or not any(
            actual == v if exact else fnmatch.fnmatchcase(actual, str(v)) for v in _several(values)
        ):
            return False
    return True


def _matches(patterns: object, value: str) -> bool:
    return any(fnmatch.fnmatchcase(value, str(pattern)) for pattern in _several(patterns))


def _several(value: object) -> Iterable[object]:
    return value if isinstance(value, list) else [value]
