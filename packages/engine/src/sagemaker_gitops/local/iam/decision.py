"""IAM's decision over all policies that apply (IAM reference: "Policy evaluation logic")."""

from dataclasses import dataclass

from sagemaker_gitops.local.iam.access import Access
from sagemaker_gitops.local.iam.policy import Policy, Principal, judge, judge_resource, names_directly


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
    same, key = owner == role.principal.account, access.action.startswith("kms:")
    if denying := [
        name for name, said in (("identity", own), ("boundary", bound), ("resource", shared)) if said == "denied"
    ]:
        return _refused(f"with an explicit deny in {denying[0]} policy")
    if own == "silent" and not (same and resource_policy and names_directly(resource_policy, known, role.principal)):
        return _refused("because no identity-based policy allows it")
    if bound == "silent":
        return _refused("because no permissions boundary allows it")
    # A key is used by whom its own policy lets in; IAM counts only where that policy hands over to it.
    if shared == "silent" and (key or not same):
        return _refused("because no resource-based policy allows it")
    return Decision(allowed=True, reason="")


def _refused(reason: str) -> Decision:
    return Decision(allowed=False, reason=reason)
