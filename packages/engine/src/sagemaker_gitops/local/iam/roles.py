"""The roles of the local IAM with everything attached to them."""

import threading
from typing import cast

from sagemaker_gitops.local.iam.decision import Role
from sagemaker_gitops.local.iam.policy import Policy, Principal
from sagemaker_gitops.local.server.api import parsed
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Document, Place


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
    return cast("Document", parsed(answer))
