"""IAM's decision over all policies that apply (IAM reference: "Policy evaluation logic")."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipeline.local.authorization.access import Access
from pipeline.local.authorization.policy import Policy, Principal, judge, judge_resource


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role with its policies, and the boundary around them."""

    principal: Principal
    policies: tuple[Policy, ...]
    boundary: Policy | None = None


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether an access is allowed, and if not, why."""

    allowed: bool
    reason: str


def decide(role: Role, access: Access, *, owner: str, resource_policy: Policy | None) -> Decision:
    """Decide on an access to a resource of the account `owner`."""
    known = access.within(
        {"aws:PrincipalArn": (role.principal.arn,), "aws:PrincipalAccount": (role.principal.account,)}
    )
    own = judge(role.policies, known)
    bound = judge([role.boundary], known) if role.boundary else "allowed"
    shared = judge_resource(resource_policy, known, role.principal) if resource_policy else "silent"
    if denying := [
        name for name, said in (("identity", own), ("boundary", bound), ("resource", shared)) if said == "denied"
    ]:
        return _refused(f"with an explicit deny in {denying[0]} policy")
    if own == "silent":
        return _refused("because no identity-based policy allows it")
    if bound == "silent":
        return _refused("because no permissions boundary allows it")
    if owner != role.principal.account and shared == "silent":
        return _refused("because no resource-based policy allows it")
    return Decision(allowed=True, reason="")


def first_refusal(role: Role, accesses: Iterable[tuple[Access, str, Policy | None]]) -> tuple[Access, Decision] | None:
    """Return the first access that is refused; None when all are allowed."""
    for access, owner, policy in accesses:
        decision = decide(role, access, owner=owner, resource_policy=policy)
        if not decision.allowed:
            return access, decision
    return None


def _refused(reason: str) -> Decision:
    return Decision(allowed=False, reason=reason)
