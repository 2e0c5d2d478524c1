"""The guard at the door: a call of a role goes through if AWS would let it."""

from collections.abc import Iterator

import regex

from sagemaker_gitops.local.iam.access import Access
from sagemaker_gitops.local.iam.actions import needed
from sagemaker_gitops.local.iam.decision import Decision, decide
from sagemaker_gitops.local.iam.keys import Keys
from sagemaker_gitops.local.iam.resources import Resources
from sagemaker_gitops.local.iam.roles import RoleBook
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Caller, Document, Place
from sagemaker_gitops.local.server.refusal import Refusal
from sagemaker_gitops.local.server.store import Store

_SESSION = regex.compile(r"arn:aws:sts::(?P<account>\d{12}):assumed-role/(?P<role>[^/]+)/(?P<session>.+)")
# What every request carries: the loopback stands for AWS's endpoints, which speak TLS alone to these policies.
_TRANSPORT = {"aws:SecureTransport": ("true",)}


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
            return []
        return self.require(caller, needed(service, operation, params, caller.place))

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
        yield from self._keys.needed(access, self._resources.owner(access, place))

    def _decide(self, place: Place, role: str, access: Access) -> Decision:
        owner = self._resources.owner(access, place)
        policy = self._resources.policy(access, owner)
        known = access.within(_TRANSPORT)
        return decide(self._roles.role(place, role), known, owner=owner.account, resource_policy=policy)


def _denied(caller: Caller, access: Access, decision: Decision) -> Refusal:
    # S3 spells it without "Exception".
    code = "AccessDenied" if access.action.startswith("s3:") else "AccessDeniedException"
    message = f"User: {caller.arn} is not authorized to perform: {access.action} on resource: {access.resource}"
    return Refusal(code, f"{message} {decision.reason}", status=403 if code == "AccessDenied" else 400)
