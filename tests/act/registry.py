"""What a run left in the registry and its bucket, read as an administrator reads it."""

import base64
import json
from collections.abc import Mapping
from typing import Any

import boto3


def client(service: str, aws: Mapping[str, str]) -> Any:
    """Open a client of the embedded AWS."""
    return boto3.client(  # type: ignore[call-overload]
        service,
        endpoint_url=aws["AWS_ENDPOINT_URL"],
        region_name=aws["AWS_REGION"],
        aws_access_key_id=aws["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=aws["AWS_SECRET_ACCESS_KEY"],
    )


def packages(aws: Mapping[str, str], group: str) -> list[dict[str, Any]]:
    """List the versions of a model package group, oldest first."""
    sagemaker = client("sagemaker", aws)
    listed = sagemaker.list_model_packages(ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Ascending")
    arns = [item["ModelPackageArn"] for item in listed["ModelPackageSummaryList"]]
    return [sagemaker.describe_model_package(ModelPackageName=arn) for arn in arns]


def stored(aws: Mapping[str, str], uri: str) -> bytes:
    """Read an object by its URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    content: bytes = client("s3", aws).get_object(Bucket=bucket, Key=key)["Body"].read()
    return content


def statement(bundle: bytes) -> dict[str, Any]:
    """Take the in-toto statement out of a bundle of one attestation."""
    found: dict[str, Any] = json.loads(base64.b64decode(json.loads(bundle)["dsseEnvelope"]["payload"]))
    return found
