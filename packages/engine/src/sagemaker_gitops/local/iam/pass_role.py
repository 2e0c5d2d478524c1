"""Execution roles: they must exist and trust SageMaker, and containers act as them."""

import json
import urllib.parse
from collections.abc import Iterable
from typing import Any

from botocore.exceptions import ClientError

from sagemaker_gitops.local.iam.access import Access
from sagemaker_gitops.local.iam.authorizer import Authorizer
from sagemaker_gitops.local.server.calls import Calls, Recorded
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Caller, Place
from sagemaker_gitops.local.server.refusal import invalid

_SERVICE = "sagemaker.amazonaws.com"


class Roles:
    """The roles that jobs and endpoints run as."""

    def __init__(self, clients: Clients, endpoint_url: str, authorizer: Authorizer, calls: Calls) -> None:
        self._clients = clients
        self._endpoint_url = endpoint_url
        self._authorizer = authorizer
        self._calls = calls

    def require(self, place: Place, arn: str, *, service: str = _SERVICE) -> None:
        """Refuse a role that a service could not assume."""
        if not self._trusts(place, arn, service):
            raise invalid(
                f"Could not assume role {arn}. Please ensure that the role exists and allows principal "
                f"'{service}' to assume the role."
            )

    def act(self, place: Place, arn: str, accesses: Iterable[Access], *, session: str = "SageMaker") -> None:
        """Do something in a role's name; refuse what IAM does not allow it."""
        account, _, name = arn.partition(":role/")
        caller = Caller(place=place, arn=f"arn:aws:sts::{account.rpartition(':')[2]}:assumed-role/{name}/{session}")
        needed = self._authorizer.require(caller, list(accesses))
        work = Recorded(service="sagemaker", operation="ExecutionRole", params={}, needed=needed)
        self._calls.record(caller, work, status=200)

    def environment(self, place: Place, arn: str, session: str) -> dict[str, str]:
        """Return what lets a container call AWS as its role."""
        granted = self._clients.sts(place).assume_role(RoleArn=arn, RoleSessionName=session[:64])["Credentials"]
        return {
            "AWS_ENDPOINT_URL": self._endpoint_url,
            "AWS_REGION": place.region,
            "AWS_DEFAULT_REGION": place.region,
            "AWS_ACCESS_KEY_ID": granted["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": granted["SecretAccessKey"],
            "AWS_SESSION_TOKEN": granted["SessionToken"],
        }

    def _trusts(self, place: Place, arn: str, service: str) -> bool:
        account, _, name = arn.partition(":role/")
        if not account.endswith(f":{place.account}"):
            return False
        try:
            role = self._clients.iam(place).get_role(RoleName=name.rsplit("/", 1)[-1])["Role"]
        except ClientError:
            return False
        return role["Arn"] == arn and _allows(role["AssumeRolePolicyDocument"], service)


def _allows(policy: Any, service: str) -> bool:
    document = json.loads(urllib.parse.unquote(policy)) if isinstance(policy, str) else policy
    statements = document["Statement"]
    for statement in statements if isinstance(statements, list) else [statements]:
        services = statement.get("Principal", {}).get("Service", [])
        if statement["Effect"] == "Allow" and service in ([services] if isinstance(services, str) else services):
            return True
    return False
