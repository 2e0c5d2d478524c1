"""Model package groups and versions: numbering, approval, metadata, search."""

import json
import uuid
from typing import Any

import pytest
from tests.engine.local.harness import BUCKET, INFERENCE_IMAGE, REGISTRY, LocalAws, refused


@pytest.fixture
def group(aws: LocalAws) -> str:
    """Return the name of a fresh model package group."""
    name = f"group-{uuid.uuid4().hex[:8]}"
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=name, Tags=[{"Key": "team", "Value": "risk"}])
    return name


def register(aws: LocalAws, group: str, **more: Any) -> str:
    """Register a version; return its ARN."""
    uri = f"s3://{BUCKET}/data/hmda.csv"
    specification = {
        "Containers": [{"Image": INFERENCE_IMAGE, "ModelDataUrl": uri, "Environment": {"MODEL_VERSION": "7"}}],
        "SupportedContentTypes": ["application/json"],
        "SupportedResponseMIMETypes": ["application/json"],
    }
    request = {"ModelPackageGroupName": group, "InferenceSpecification": specification, **more}
    return str(aws.sagemaker.create_model_package(**request)["ModelPackageArn"])


def describe(aws: LocalAws, arn: str) -> dict[str, Any]:
    """Describe a version."""
    described: dict[str, Any] = aws.sagemaker.describe_model_package(ModelPackageName=arn)
    return described


def test_versions_count_up_and_wait_for_approval(aws: LocalAws, group: str) -> None:
    """Versions are numbered in order, and none is approved by itself."""
    arns = [register(aws, group) for _ in range(2)]

    described = [describe(aws, arn) for arn in arns]

    assert [d["ModelPackageVersion"] for d in described] == [1, 2]
    assert {d["ModelApprovalStatus"] for d in described} == {"PendingManualApproval"}
    assert arns[1].endswith(f":model-package/{group}/2")


def test_a_deleted_number_is_never_given_again(aws: LocalAws, group: str) -> None:
    """A version number means one model for ever."""
    register(aws, group)
    aws.sagemaker.delete_model_package(ModelPackageName=register(aws, group))

    arn = register(aws, group)

    assert describe(aws, arn)["ModelPackageVersion"] == 3


def test_metadata_is_merged_and_approval_stays(aws: LocalAws, group: str) -> None:
    """An update touches what it names and nothing else."""
    arn = register(aws, group, CustomerMetadataProperties={"commit": "abc", "auc": "0.7"})
    aws.sagemaker.update_model_package(
        ModelPackageArn=arn, ModelApprovalStatus="Approved", ApprovalDescription="gates green"
    )

    aws.sagemaker.update_model_package(
        ModelPackageArn=arn,
        CustomerMetadataProperties={"auc": "0.8", "data": "v1"},
        CustomerMetadataPropertiesToRemove=["commit"],
    )

    described = describe(aws, arn)
    assert described["CustomerMetadataProperties"] == {"auc": "0.8", "data": "v1"}
    assert described["ModelApprovalStatus"] == "Approved"
    assert described["ApprovalDescription"] == "gates green"
    assert described["LastModifiedBy"]["IamIdentity"]["Arn"].startswith("arn:aws:sts::123456789012:")


def test_lists_versions_by_status_and_order(aws: LocalAws, group: str) -> None:
    """ListModelPackages filters by approval and sorts by creation."""
    arns = [register(aws, group) for _ in range(3)]
    aws.sagemaker.update_model_package(ModelPackageArn=arns[1], ModelApprovalStatus="Approved")

    latest = aws.sagemaker.list_model_packages(
        ModelPackageGroupName=group, SortBy="CreationTime", SortOrder="Descending", MaxResults=2
    )
    approved = aws.sagemaker.list_model_packages(ModelPackageGroupName=group, ModelApprovalStatus="Approved")

    assert [p["ModelPackageArn"] for p in latest["ModelPackageSummaryList"]] == arns[:0:-1]
    assert [p["ModelPackageArn"] for p in approved["ModelPackageSummaryList"]] == [arns[1]]


def test_pages_do_not_overlap(aws: LocalAws, group: str) -> None:
    """A paginator sees every version once."""
    arns = [register(aws, group) for _ in range(5)]

    pages = aws.sagemaker.get_paginator("list_model_packages").paginate(
        ModelPackageGroupName=group, PaginationConfig={"PageSize": 2}
    )

    assert [p["ModelPackageArn"] for page in pages for p in page["ModelPackageSummaryList"]] == arns


@pytest.mark.parametrize(
    ("name", "operator", "value", "expected"),
    [
        ("CustomerMetadataProperties.commit", "Equals", "abc", [1]),
        ("CustomerMetadataProperties.commit", "NotEquals", "abc", [2]),
        ("CustomerMetadataProperties.auc", "GreaterThan", "0.75", [2]),
        ("CustomerMetadataProperties.note", "Exists", None, [2]),
        ("CustomerMetadataProperties.note", "NotExists", None, [1]),
        ("CustomerMetadataProperties.commit", "In", "abc,def", [1, 2]),
        ("CustomerMetadataProperties.note", "Contains", "ell", [2]),
    ],
)
def test_searches_by_metadata(
    aws: LocalAws, group: str, name: str, operator: str, value: str | None, expected: list[int]
) -> None:
    """Search finds versions by what was written on them."""
    register(aws, group, CustomerMetadataProperties={"commit": "abc", "auc": "0.7"})
    register(aws, group, CustomerMetadataProperties={"commit": "def", "auc": "0.8", "note": "well"})
    wanted = {"Name": name, "Operator": operator, **({"Value": value} if value else {})}

    found = aws.sagemaker.search(
        Resource="ModelPackage",
        SearchExpression={"Filters": [wanted, {"Name": "ModelPackageGroupName", "Value": group}]},
        SortBy="CreationTime",
        SortOrder="Ascending",
    )

    assert [r["ModelPackage"]["ModelPackageVersion"] for r in found["Results"]] == expected


def test_searches_by_tag(aws: LocalAws, group: str) -> None:
    """Search finds resources by tag."""
    filters = [{"Name": "Tags.team", "Value": "risk"}, {"Name": "ModelPackageGroupName", "Value": group}]

    found = aws.sagemaker.search(Resource="ModelPackageGroup", SearchExpression={"Filters": filters})

    assert found["TotalHits"]["Value"] == 1


def test_same_client_token_registers_once(aws: LocalAws, group: str) -> None:
    """A retried request makes no second version."""
    token = uuid.uuid4().hex

    arns = {register(aws, group, ClientToken=token) for _ in range(2)}

    assert len(arns) == 1


def test_refuses_what_aws_refuses(aws: LocalAws, group: str) -> None:
    """Unknown names, duplicates, tags on versions, missing artefacts and images."""
    arn, sagemaker = register(aws, group), aws.sagemaker
    containers = [{"Image": INFERENCE_IMAGE, "ModelDataUrl": f"s3://{BUCKET}/absent.tar.gz"}]
    unknown = [{"Image": f"{REGISTRY}-inference:none"}]
    tag = [{"Key": "a", "Value": "b"}]

    refusals = {
        "duplicate": refused(sagemaker.create_model_package_group, ModelPackageGroupName=group),
        "unknown group": refused(register, aws=aws, group="absent"),
        "unknown version": refused(sagemaker.describe_model_package, ModelPackageName=f"{arn}9"),
        "tags": refused(register, aws=aws, group=group, Tags=tag),
        "later tags": refused(sagemaker.add_tags, ResourceArn=arn, Tags=tag),
        "artefact": refused(register, aws=aws, group=group, InferenceSpecification={"Containers": containers}),
        "image": refused(register, aws=aws, group=group, InferenceSpecification={"Containers": unknown}),
    }

    assert {code for code, _ in refusals.values()} == {"ValidationException"}
    assert "already exists" in refusals["duplicate"][1]
    assert "does not exist" in refusals["unknown group"][1]
    assert "does not exist" in refusals["unknown version"][1]
    assert "versioned model package" in refusals["tags"][1]
    assert "versioned model package" in refusals["later tags"][1]
    assert "Could not find model data" in refusals["artefact"][1]
    assert "not found" in refusals["image"][1]


def test_a_group_with_versions_cannot_be_deleted(aws: LocalAws, group: str) -> None:
    """Versions go first, then the group."""
    arn = register(aws, group)

    code, _ = refused(aws.sagemaker.delete_model_package_group, ModelPackageGroupName=group)
    aws.sagemaker.delete_model_package(ModelPackageName=arn)
    aws.sagemaker.delete_model_package_group(ModelPackageGroupName=group)

    assert code == "ConflictException"
    assert "does not exist" in refused(register, aws=aws, group=group)[1]


def test_card_changes_by_content_or_by_status_until_it_is_archived(aws: LocalAws, group: str) -> None:
    """Never both in one call once there is a card, and nothing after Archived."""
    content = {"ModelCardContent": json.dumps({"model_overview": {"model_creator": "somebody"}})}
    arn = register(aws, group, ModelCard={**content, "ModelCardStatus": "PendingReview"})
    update = aws.sagemaker.update_model_package

    both = refused(update, ModelPackageArn=arn, ModelCard={**content, "ModelCardStatus": "Approved"})
    update(ModelPackageArn=arn, ModelCard=content)
    update(ModelPackageArn=arn, ModelCard={"ModelCardStatus": "Archived"})
    afterwards = refused(update, ModelPackageArn=arn, ModelCard=content)

    assert "in a single call" in both[1]
    assert afterwards == ("ValidationException", "Model Card is in Archived state")
    assert describe(aws, arn)["ModelCard"] == {**content, "ModelCardStatus": "Archived"}
