"""IAM policy documents: which statements match an access, and what they decide.

Source: IAM User Guide, "IAM JSON policy elements".
"""

import datetime as dt
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal

import regex

from sagemaker_gitops.local.iam.conditions import Context, conditions_hold, matches
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


Effect = Literal["Allow", "Deny"]
Verdict = Literal["allowed", "denied", "silent"]


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who asks: a role's ARN and its account, a service's name, or an identity provider's ARN, without account."""

    arn: str
    account: str

    def context(self) -> Context:
        """Return what every request of this principal carries: it comes over TLS, from this machine, now."""
        now, service = dt.datetime.now(dt.UTC), self.arn.endswith(".amazonaws.com")
        return {
            "aws:SecureTransport": ("true",),
            "aws:CurrentTime": (now.strftime("%Y-%m-%dT%H:%M:%SZ"),),
            "aws:EpochTime": (str(int(now.timestamp())),),
            "aws:PrincipalIsAWSService": (str(service).lower(),),
            **({"aws:PrincipalServiceName": (self.arn,)} if service else {"aws:SourceIp": ("127.0.0.1",)}),
            **(self._own() if self.account else {}),
        }

    def _own(self) -> Context:
        kind = "AssumedRole" if ":role/" in self.arn else "User"
        return {
            "aws:PrincipalArn": (self.arn,),
            "aws:PrincipalAccount": (self.account,),
            "aws:PrincipalType": (kind,),
        }


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
    known = access.within(principal.context())
    matching = (s for s in policy.statements() if _names(s, principal) and matches_access(s, known))
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
    if "NotPrincipal" in statement:
        raise unsupported("NotPrincipal")
    if named == "*":
        return True
    kinds = named if isinstance(named, dict) else {}
    listed = [text for kind in ("AWS", "Federated", "Service") for text in _texts(kinds.get(kind, []))]
    if sessions := [text for text in listed if ":assumed-role/" in text]:
        raise unsupported(f"sessions as principals: {', '.join(sessions)}")
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
    asked = Access(action=access.action, resource=access.resource)
    return judge_resource(Policy(name="resource policy", document=policy), asked, principal) == "allowed"
