"""Execution roles: they exist, they trust SageMaker, and what SageMaker does in their name.

Source: SageMaker developer guide, "SageMaker AI execution roles".
"""

import json
import urllib.parse
from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import regex
from botocore.exceptions import ClientError

from sagemaker_gitops.local.iam.authorizer import Authorizer
from sagemaker_gitops.local.iam.policy import Access
from sagemaker_gitops.local.iam.resources import described_key
from sagemaker_gitops.local.sagemaker.transfer import split_uri
from sagemaker_gitops.local.server.calls import Calls, Recorded
from sagemaker_gitops.local.server.clients import Api, Clients
from sagemaker_gitops.local.server.context import Caller, Place, invalid

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_IMAGE = regex.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+).*"
)
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_WRITE_LOGS = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")


def pull_image(image: str) -> Iterator[Access]:
    """Pull a container's image."""
    yield Access(action="ecr:GetAuthorizationToken", resource="*")
    if found := _IMAGE.fullmatch(image):
        place = f"{found['region']}:{found['account']}"
        yield from (Access(action=a, resource=f"arn:aws:ecr:{place}:repository/{found['repository']}") for a in _PULL)


def write_logs(place: Place, group: str) -> Iterator[Access]:
    """Write a container's output and metrics: both go below the log group's name."""
    arn = f"arn:aws:logs:{place.region}:{place.account}:log-group:{group}:*"
    yield from (Access(action=action, resource=arn) for action in _WRITE_LOGS)
    context = {"cloudwatch:namespace": ("/".join(group.split("/")[:4]),)}
    yield Access(action="cloudwatch:PutMetricData", resource="*", context=context)


def read_prefix(s3: "S3Client", uri: str) -> Iterator[Access]:
    """Download every object below a prefix."""
    bucket, prefix = split_uri(uri)
    yield Access(action="s3:ListBucket", resource=f"arn:aws:s3:::{bucket}", context={"s3:prefix": (prefix,)})
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            yield Access(action="s3:GetObject", resource=f"arn:aws:s3:::{bucket}/{item['Key']}")


def read_object(uri: str) -> Access:
    """Download one object."""
    bucket, key = split_uri(uri)
    return Access(action="s3:GetObject", resource=f"arn:aws:s3:::{bucket}/{key}")


def write_object(uri: str) -> Access:
    """Upload one object, or objects below a prefix."""
    bucket, key = split_uri(uri)
    return Access(action="s3:PutObject", resource=f"arn:aws:s3:::{bucket}/{key}")


def encrypt(services: Api, key: str) -> Iterator[Access]:
    """Encrypt a job's output with a key of one's own (developer guide, "CreateTrainingJob API: permissions")."""
    yield replace(described_key(services, key), action="kms:Encrypt")


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
