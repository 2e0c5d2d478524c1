"""What SageMaker does in the name of an execution role (developer guide: "SageMaker AI execution roles")."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import regex

from sagemaker_gitops.local.iam.access import Access
from sagemaker_gitops.local.sagemaker.transfer import split_uri
from sagemaker_gitops.local.server.context import Place

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_IMAGE = regex.compile(
    r"(?P<account>\d{12})\.dkr\.ecr\.(?P<region>[a-z0-9-]+)\.amazonaws\.com/(?P<repository>[^:@]+).*"
)
_PULL = ("ecr:BatchCheckLayerAvailability", "ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer")
_LOG = ("logs:CreateLogGroup", "logs:CreateLogStream", "logs:DescribeLogStreams", "logs:PutLogEvents")


def pulling(image: str) -> Iterator[Access]:
    """Pull a container's image."""
    yield Access(action="ecr:GetAuthorizationToken", resource="*")
    if found := _IMAGE.fullmatch(image):
        place = f"{found['region']}:{found['account']}"
        yield from (Access(action=a, resource=f"arn:aws:ecr:{place}:repository/{found['repository']}") for a in _PULL)


def telling(place: Place, group: str) -> Iterator[Access]:
    """Write a container's output and metrics: both go below the log group's name."""
    arn = f"arn:aws:logs:{place.region}:{place.account}:log-group:{group}:*"
    yield from (Access(action=action, resource=arn) for action in _LOG)
    context = {"cloudwatch:namespace": ("/".join(group.split("/")[:4]),)}
    yield Access(action="cloudwatch:PutMetricData", resource="*", context=context)


def reading(s3: "S3Client", uri: str) -> Iterator[Access]:
    """Download every object below a prefix."""
    bucket, prefix = split_uri(uri)
    yield Access(action="s3:ListBucket", resource=f"arn:aws:s3:::{bucket}", context={"s3:prefix": (prefix,)})
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            yield Access(action="s3:GetObject", resource=f"arn:aws:s3:::{bucket}/{item['Key']}")


def fetching(uri: str) -> Access:
    """Download one object."""
    bucket, key = split_uri(uri)
    return Access(action="s3:GetObject", resource=f"arn:aws:s3:::{bucket}/{key}")


def writing(uri: str) -> Access:
    """Upload one object, or objects below a prefix."""
    bucket, key = split_uri(uri)
    return Access(action="s3:PutObject", resource=f"arn:aws:s3:::{bucket}/{key}")
