"""Authorization of calls: the roles with their policies, IAM's decision, and the check of each call.

Source: IAM User Guide, "Policy evaluation logic".
"""

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import cast

import regex

from sagemaker_gitops.local.iam.actions import needed
from sagemaker_gitops.local.iam.policy import Access, Policy, Principal, judge, judge_resource, names_directly
from sagemaker_gitops.local.iam.resources import Keys, Resources
from sagemaker_gitops.local.server.clients import Clients, parse_document
from sagemaker_gitops.local.server.context import Caller, Document, Place, Refusal
from sagemaker_gitops.local.server.persistence import Store


@dataclass(frozen=True, kw_only=True)
class Role:
    """A role with its policies, and the boundary around them."""

    principal: Principal
    policies: tuple[Policy, ...]
    boundary: Policy | None = None
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


class RoleBook:
    """Reads roles, and remembers them until IAM changes."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._lock = threading.Lock()
        self._known: dict[tuple[str, str], Role] = {}

    def role(self, place: Place, name: str) -> Role:
        """Return a role with its policies and its boundary."""
        key = (place.account, name)
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = self._read(place, name)
            with self._lock:
                self._known[key] = known
        return known

    def forget(self) -> None:
        """Read anew what is asked for next."""
        with self._lock:
            self._known.clear()

    def _read(self, place: Place, name: str) -> Role:
        iam = self._clients.iam(place)
        role = iam.get_role(RoleName=name)["Role"]
        attached = iam.list_attached_role_policies(RoleName=name)["AttachedPolicies"]
        inline = iam.list_role_policies(RoleName=name)["PolicyNames"]
        boundary = role.get("PermissionsBoundary", {}).get("PermissionsBoundaryArn")
        return Role(
            principal=Principal(arn=role["Arn"], account=place.account),
            policies=(
                *(self._managed(place, policy["PolicyArn"]) for policy in attached),
                *(self._inline(place, name, policy) for policy in inline),
            ),
            boundary=self._managed(place, boundary) if boundary else None,
            # The empty key: a role without tags is known to have none.
            tags={
                "aws:PrincipalTag/": (),
                **{f"aws:PrincipalTag/{t['Key']}": (t["Value"],) for t in role.get("Tags", [])},
            },
        )

    def _inline(self, place: Place, role: str, name: str) -> Policy:
        answer = self._clients.iam(place).get_role_policy(RoleName=role, PolicyName=name)
        return Policy(name=f"{role}/{name}", document=_document(answer["PolicyDocument"]))

    def _managed(self, place: Place, arn: str) -> Policy:
        iam = self._clients.iam(place)
        version = iam.get_policy(PolicyArn=arn)["Policy"]["DefaultVersionId"]
        answer = iam.get_policy_version(PolicyArn=arn, VersionId=version)
        return Policy(name=arn.rpartition("/")[2], document=_document(answer["PolicyVersion"]["Document"]))


def _document(answer: object) -> Document:
    return cast("Document", parse_document(answer))


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Whether an access is allowed, and if not, why."""

    allowed: bool
    reason: str


def decide(role: Role, access: Access, *, owner: str, resource_policy: Policy | None) -> Decision:
    """Decide on an access to a resource of the account `owner`."""
    known = access.within({**role.principal.context(), **role.tags, "aws:ResourceAccount": (owner,)})
    if not access.action.startswith("kms:"):  # a key is asked by the service that encrypts, in the role's name
        known = known.within({"aws:ViaAWSService": ("false",)})
    own = judge(role.policies, known)
    bound = judge([role.boundary], known) if role.boundary else "allowed"
    shared = judge_resource(resource_policy, known, role.principal) if resource_policy else "silent"
    same, key = owner == role.principal.account, access.action.startswith(("kms:", "sts:"))
    if denying := [
        name for name, said in (("identity", own), ("boundary", bound), ("resource", shared)) if said == "denied"
    ]:
        return _refused(f"with an explicit deny in {denying[0]} policy")
    if own == "silent" and not (same and resource_policy and names_directly(resource_policy, known, role.principal)):
        return _refused("because no identity-based policy allows it")
    if bound == "silent":
        return _refused("because no permissions boundary allows it")
    # A key is used, and a role assumed, by whom its own policy lets in; IAM counts only where that hands over to it.
    if shared == "silent" and (key or not same):
        return _refused("because no resource-based policy allows it")
    return Decision(allowed=True, reason="")


def _refused(reason: str) -> Decision:
    return Decision(allowed=False, reason=reason)


_SESSION = regex.compile(r"arn:aws:sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/(?P<session>.+)")


_CHAINED_SECONDS = 3600


class Authorizer:
    """Holds the calls of roles against their policies. Anybody else is the account's administrator."""

    def __init__(self, store: Store, clients: Clients) -> None:
        self._roles = RoleBook(clients)
        self._resources = Resources(store, clients)
        self._keys = Keys(clients)

    def forget(self) -> None:
        """Read roles and policies anew: IAM changed."""
        self._roles.forget()

    def check(self, caller: Caller, service: str, operation: str, params: Document) -> list[Access]:
        """Return what a call needed; refuse it when something of that is not allowed."""
        if not _SESSION.fullmatch(caller.arn):
            if (service, operation) == ("sts", "AssumeRole"):
                self._require_trust(caller, needed(service, operation, params, caller.place)[0])
            return []
        if operation == "AssumeRole" and int(params.get("DurationSeconds", 0)) > _CHAINED_SECONDS:
            message = (
                "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
            )
            raise Refusal("ValidationError", message)
        return self.require(caller, needed(service, operation, params, caller.place))

    def _require_trust(self, caller: Caller, access: Access) -> None:
        """Refuse an administrator whom a role does not trust."""
        policy = self._resources.policy(access, self._resources.owner(access, caller.place))
        principal = Principal(arn=caller.arn, account=caller.place.account)
        if policy is None or judge_resource(policy, access, principal) != "allowed":
            raise _denied(caller, access, _refused("because no resource-based policy allows it"))

    def require(self, caller: Caller, accesses: list[Access]) -> list[Access]:
        """Refuse a role that lacks one of some accesses; return them with what they need of keys."""
        found = _SESSION.fullmatch(caller.arn)
        if found is None:
            return []
        everything = [one for access in accesses for one in self._with_keys(access, caller.place)]
        for access in everything:
            decision = self._decide(caller.place, found["role"], access)
            if not decision.allowed:
                raise _denied(caller, access, decision)
        return everything

    def check_missing(self, caller: Caller, service: str, params: Document) -> list[Access]:
        """Refuse to tell a caller who may not list a bucket that an object of it does not exist."""
        found = _SESSION.fullmatch(caller.arn)
        if found is None or service != "s3" or "Key" not in params:
            return []
        access = Access(action="s3:ListBucket", resource=f"arn:aws:s3:::{params['Bucket']}")
        if not self._decide(caller.place, found["role"], access).allowed:
            raise Refusal("AccessDenied", "Access Denied", status=403)
        return [access]

    def _with_keys(self, access: Access, place: Place) -> Iterator[Access]:
        yield access
        yield from self._keys.needed(access, self._resources.owner(access, place), place)

    def _decide(self, place: Place, role: str, access: Access) -> Decision:
        owner = self._resources.owner(access, place)
        policy = self._resources.policy(access, owner)
        known = access.within({"aws:RequestedRegion": (place.region,)})
        return decide(self._roles.role(place, role), known, owner=owner.account, resource_policy=policy)


def _denied(caller: Caller, access: Access, decision: Decision) -> Refusal:
    # S3 and STS spell it without "Exception".
    code = "AccessDenied" if access.action.startswith(("s3:", "sts:")) else "AccessDeniedException"
    message = f"User: {caller.arn} is not authorized to perform: {access.action} on resource: {access.resource}"
    return Refusal(code, f"{message} {decision.reason}", status=403 if code == "AccessDenied" else 400)
