"""What moto accepts and AWS refuses: the embedded AWS refuses it, too."""

import io
import json
import uuid
import zipfile
from typing import Any

import pytest
from tests.engine.local.harness import ACCOUNT, REGION, LocalAws, refused

ENCRYPT = ("kms:DescribeKey", "kms:GenerateDataKey*")


@pytest.fixture
def name() -> str:
    """Return a name that nobody has."""
    return f"rule-{uuid.uuid4().hex[:8]}"


def key(aws: LocalAws, trail: str, *actions: str) -> str:
    """Make a key that lets CloudTrail do so much for a trail."""
    own = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    arn = f"arn:aws:cloudtrail:{REGION}:{ACCOUNT}:trail/{trail}"
    theirs = {
        "Effect": "Allow",
        "Principal": {"Service": "cloudtrail.amazonaws.com"},
        "Action": list(actions),
        "Resource": "*",
        "Condition": {"StringEquals": {"aws:SourceArn": arn}},
    }
    policy = {"Version": "2012-10-17", "Statement": [own, theirs]}
    made = aws.client("kms").create_key(Policy=json.dumps(policy))
    return str(made["KeyMetadata"]["Arn"])


def bucket(aws: LocalAws, name: str, key: str, *, bucket_key: bool) -> str:
    """Make a bucket that is encrypted with a key."""
    s3 = aws.client("s3")
    s3.create_bucket(Bucket=name)
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key},
        "BucketKeyEnabled": bucket_key,
    }
    s3.put_bucket_encryption(Bucket=name, ServerSideEncryptionConfiguration={"Rules": [rule]})
    return name


@pytest.mark.parametrize(
    ("actions", "bucket_key"), [(("kms:DescribeKey",), False), (ENCRYPT, True), (("kms:Decrypt",), True)]
)
def test_trail_needs_what_its_bucket_asks_of_the_key(
    aws: LocalAws, name: str, actions: tuple[str, ...], bucket_key: bool
) -> None:
    """Under an S3 Bucket Key CloudTrail has to decrypt as well."""
    made = key(aws, name, *actions)
    target = bucket(aws, name, made, bucket_key=bucket_key)

    code, _ = refused(aws.client("cloudtrail").create_trail, Name=name, S3BucketName=target, KmsKeyId=made)

    assert code == "InsufficientEncryptionPolicyException"


@pytest.mark.parametrize(("actions", "bucket_key"), [(ENCRYPT, False), ((*ENCRYPT, "kms:Decrypt"), True)])
def test_trail_is_made_when_its_key_allows_it(
    aws: LocalAws, name: str, actions: tuple[str, ...], bucket_key: bool
) -> None:
    """Without a Bucket Key there is nothing to decrypt."""
    made = key(aws, name, *actions)
    target = bucket(aws, name, made, bucket_key=bucket_key)

    trail: dict[str, Any] = aws.client("cloudtrail").create_trail(Name=name, S3BucketName=target, KmsKeyId=made)

    assert trail["TrailARN"].endswith(name)


def test_function_reserves_no_concurrency_in_a_new_account(aws: LocalAws, name: str) -> None:
    """A new account has ten concurrent executions, and ten have to stay unreserved."""
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [trust]})
    role = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=document)["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", "handler = print")
    functions = aws.client("lambda")
    code = {"ZipFile": packed.getvalue()}
    functions.create_function(FunctionName=name, Runtime="python3.13", Handler="index.handler", Role=role, Code=code)

    error, message = refused(functions.put_function_concurrency, FunctionName=name, ReservedConcurrentExecutions=1)

    assert (error, "minimum value of [10]" in message) == ("InvalidParameterValueException", True)
