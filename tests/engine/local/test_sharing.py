"""The registry of one account, used from another: only as its group's policy says."""

import contextlib
import json
import uuid
from typing import Any

import pytest
from sagemaker_gitops.local.iam.policy import CrossAccountAccess, allows_other_account
from sagemaker_gitops.local.server.clients import ACCOUNT_HEADER
from sagemaker_gitops.local.server.context import Caller, Place
from tests.engine.local.harness import ACCOUNT, BUCKET, INFERENCE_IMAGE, REGION, TRUST, LocalAws, refused

PROD = "222233334444"
ROLE = f"arn:aws:iam::{PROD}:role/deploy-prod"


def key_of_prod(aws: LocalAws) -> str:
    """Return an access key of the role deploy-prod in another account."""
    iam = aws.client("iam", key="prod-bootstrap")
    iam.meta.events.register("before-sign", lambda request, **_: request.headers.add_header(ACCOUNT_HEADER, PROD))
    with contextlib.suppress(iam.exceptions.EntityAlreadyExistsException):
        iam.create_role(RoleName="deploy-prod", AssumeRolePolicyDocument=json.dumps(TRUST))
        everything = {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*"}
        policy = json.dumps({"Version": "2012-10-17", "Statement": [everything]})
        iam.put_role_policy(RoleName="deploy-prod", PolicyName="registry", PolicyDocument=policy)
    return aws.session(ROLE, "run-7")


def version(aws: LocalAws) -> str:
    """Register a version in a fresh group of the registry's account; return its ARN."""
    group = f"group-{uuid.uuid4().hex[:8]}"
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    containers = [{"Image": INFERENCE_IMAGE, "ModelDataUrl": f"s3://{BUCKET}/data/hmda.csv"}]
    specification = {
        "Containers": containers,
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    created = aws.sagemaker.create_model_package(ModelPackageGroupName=group, InferenceSpecification=specification)
    return str(created["ModelPackageArn"])


def share(aws: LocalAws, arn: str, *actions: str) -> None:
    """Let the other account do some actions to the versions of a group."""
    group = arn.rsplit("/", 2)[1]
    statement = {"Effect": "Allow", "Principal": {"AWS": PROD}, "Action": list(actions), "Resource": f"{arn[:-1]}*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.sagemaker.put_model_package_group_policy(ModelPackageGroupName=group, ResourcePolicy=policy)


def test_a_stranger_sees_nothing(aws: LocalAws) -> None:
    """Without a policy another account is refused."""
    arn = version(aws)

    code, message = refused(aws.client("sagemaker", key=key_of_prod(aws)).describe_model_package, ModelPackageName=arn)

    assert code == "AccessDeniedException"
    assert "assumed-role/deploy-prod/run-7 is not authorized to perform: sagemaker:DescribeModelPackage" in message


def test_a_shared_group_may_be_read_and_not_written(aws: LocalAws) -> None:
    """What the policy lists is allowed, anything else is not."""
    arn = version(aws)
    share(aws, arn, "sagemaker:DescribeModelPackage", "sagemaker:ListModelPackages")
    prod = aws.client("sagemaker", key=key_of_prod(aws))
    group = arn.rsplit("/", 1)[0].replace(":model-package/", ":model-package-group/")

    described = prod.describe_model_package(ModelPackageName=arn)
    listed = prod.list_model_packages(ModelPackageGroupName=group)["ModelPackageSummaryList"]
    written = refused(prod.update_model_package, ModelPackageArn=arn, ModelApprovalStatus="Approved")

    assert described["ModelPackageArn"] == arn
    assert [package["ModelPackageArn"] for package in listed] == [arn]
    assert written[0] == "AccessDeniedException"


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, True),
        ({"Principal": {"AWS": ["111122223333", f"arn:aws:iam::{PROD}:root"]}}, True),
        ({"Principal": {"AWS": ROLE}}, True),
        ({"Principal": "*"}, True),
        ({"Principal": {"AWS": "111122223333"}}, False),
        ({"Action": "sagemaker:*"}, True),
        ({"Action": "sagemaker:List*"}, False),
        ({"Resource": "arn:aws:sagemaker:*:*:model-package/other/*"}, False),
        ({"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/deploy-*"}}}, True),
        ({"Condition": {"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/train-*"}}}, False),
        ({"Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}}, False),
        ({"Effect": "Deny"}, False),
    ],
)
def test_policies(changes: dict[str, Any], expected: bool) -> None:
    """Principal, action, resource and condition must all fit; an unknown condition never does."""
    caller = Caller(place=Place(account=PROD, region=REGION), arn=f"arn:aws:sts::{PROD}:assumed-role/deploy-prod/run-7")
    resource = f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/loans/3"
    statement = {
        "Effect": "Allow",
        "Principal": {"AWS": PROD},
        "Action": ["sagemaker:DescribeModelPackage"],
        "Resource": f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:model-package/loans/*",
        **changes,
    }
    access = CrossAccountAccess(caller=caller, action="sagemaker:DescribeModelPackage", resource=resource)

    assert allows_other_account({"Statement": [statement]}, access) is expected
    denied = {**statement, "Effect": "Deny"}
    assert not allows_other_account({"Statement": [statement, denied]}, access) or not expected
