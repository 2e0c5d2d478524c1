"""IAM policy documents: which statements speak about an access, and what they say."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from sagemaker_gitops.local.iam.access import Access
from sagemaker_gitops.local.iam.conditions import holds, matches
from sagemaker_gitops.local.server.context import Document

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
    return _verdict(s["Effect"] for policy in policies for s in policy.statements() if speaks(s, access))


def judge_resource(policy: Policy, access: Access, principal: Principal) -> Verdict:
    """Return what a resource's own policy says about a principal."""
    spoken = (s for s in policy.statements() if _names(s, principal) and speaks(s, access))
    return _verdict(s["Effect"] for s in spoken)


def names_directly(policy: Policy, access: Access, principal: Principal) -> bool:
    """Return whether a resource's policy allows the principal itself, and not just its account's administrators."""
    own = Principal(arn=principal.arn, account="")
    return any(s["Effect"] == "Allow" and _names(s, own) and speaks(s, access) for s in policy.statements())


def speaks(statement: Mapping[str, object], access: Access) -> bool:
    """Return whether a statement is about an access: action, resource and conditions."""
    return (
        _covers(statement, "Action", access.action, fold=True)
        and _covers(statement, "Resource", access.resource, fold=False)
        and holds(_conditions(statement), access.context)
    )


def _verdict(effects: Iterable[object]) -> Verdict:
    found = set(effects)
    return "denied" if "Deny" in found else "allowed" if "Allow" in found else "silent"


def _covers(statement: Mapping[str, object], element: str, value: str, *, fold: bool) -> bool:
    if f"Not{element}" in statement:
        return not any(_like(pattern, value, fold=fold) for pattern in _texts(statement[f"Not{element}"]))
    # A repository's policy is about the repository that it hangs on, and names no resource.
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
