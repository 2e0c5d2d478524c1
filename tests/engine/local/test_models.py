"""Models and endpoint configurations: what may be created, and what may not."""

import json
import re
import uuid
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.engine.local.harness import BUCKET, INFERENCE_IMAGE, ROLE, LocalAws, refused, variant


def container(**changes: Any) -> dict[str, Any]:
    """Return a container definition with some members changed."""
    return {"Image": INFERENCE_IMAGE, "ModelDataUrl": f"s3://{BUCKET}/data/hmda.csv", **changes}


def package(aws: LocalAws, status: str) -> str:
    """Return the ARN of a model package version in an approval status."""
    group = f"group-{uuid.uuid4().hex[:8]}"
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=group)
    specification = {
        "Containers": [container()],
        "SupportedContentTypes": ["text/csv"],
        "SupportedResponseMIMETypes": ["text/csv"],
    }
    created = aws.sagemaker.create_model_package(
        ModelPackageGroupName=group, InferenceSpecification=specification, ModelApprovalStatus=status
    )
    return str(created["ModelPackageArn"])


def test_an_approved_package_becomes_a_model(aws: LocalAws) -> None:
    """CreateModel takes a model package by ARN."""
    arn, name = package(aws, "Approved"), f"model-{uuid.uuid4().hex[:8]}"

    aws.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": arn})

    assert aws.sagemaker.describe_model(ModelName=name)["PrimaryContainer"] == {"ModelPackageName": arn}


@pytest.mark.parametrize("status", ["PendingManualApproval", "Rejected"])
def test_an_unapproved_package_does_not(aws: LocalAws, status: str) -> None:
    """What nobody approved cannot be deployed by its package."""
    arn = package(aws, status)

    code, message = refused(
        aws.sagemaker.create_model, ModelName="m", ExecutionRoleArn=ROLE, PrimaryContainer={"ModelPackageName": arn}
    )

    assert code == "ValidationException"
    assert f"approval status {status}" in message


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"ExecutionRoleArn": ROLE + "-absent"}, "Could not assume role"),
        ({"PrimaryContainer": container(ModelDataUrl=f"s3://{BUCKET}/absent.tar.gz")}, "Could not find model data"),
        ({"PrimaryContainer": container(Image=f"{INFERENCE_IMAGE}0")}, "not found"),
        ({"PrimaryContainer": {}}, "missing in the container"),
        ({"Containers": [container()]}, "cannot both be present"),
        ({"ModelName": "a" * 64}, "length less than or equal to 63"),
        ({"ModelName": "-a"}, "regular expression"),
    ],
)
def test_refuses_a_model(aws: LocalAws, changes: dict[str, Any], message: str) -> None:
    """What AWS refuses in CreateModel is refused here."""
    request = {"ModelName": "refused", "ExecutionRoleArn": ROLE, "PrimaryContainer": container(), **changes}

    code, found = refused(aws.sagemaker.create_model, **request)

    assert code == "ValidationException"
    assert message in found


def test_refuses_a_second_model_of_one_name(aws: LocalAws) -> None:
    """A model name is taken until the model is deleted."""
    name = aws.model()
    request = {"ModelName": name, "ExecutionRoleArn": ROLE, "PrimaryContainer": container()}

    code, message = refused(aws.sagemaker.create_model, **request)
    aws.sagemaker.delete_model(ModelName=name)

    assert code == "ValidationException"
    assert message.startswith("Cannot create already existing model")
    aws.sagemaker.create_model(**request)


def test_refuses_what_is_not_hosted(aws: LocalAws) -> None:
    """Inference pipelines and multi-model containers are a loud 501."""
    request = {"ModelName": "several", "ExecutionRoleArn": ROLE}

    several = refused(aws.sagemaker.create_model, **request, Containers=[container(), container()])
    multi = refused(aws.sagemaker.create_model, **request, PrimaryContainer=container(Mode="MultiModel"))

    assert several[0] == multi[0] == "NotImplementedByLocalAWS"


def test_config_keeps_variants_and_capture(aws: LocalAws) -> None:
    """DescribeEndpointConfig returns what was created, weights included."""
    first, second = aws.model(), aws.model()

    name = aws.config(first, capture=True, shadow=second)

    described = aws.sagemaker.describe_endpoint_config(EndpointConfigName=name)
    assert described["ProductionVariants"][0]["InitialVariantWeight"] == 1.0
    assert described["ShadowProductionVariants"][0]["ModelName"] == second
    assert described["DataCaptureConfig"]["InitialSamplingPercentage"] == 100


def test_refuses_a_config(aws: LocalAws) -> None:
    """Unknown models, equal variant names, shadows of several variants, duplicates."""
    model = aws.model()
    name = aws.config(model)

    def create(*variants: dict[str, Any], **more: Any) -> str:
        request = {"EndpointConfigName": "refused", "ProductionVariants": list(variants), **more}
        code, message = refused(aws.sagemaker.create_endpoint_config, **request)
        assert code == "ValidationException"
        return message

    shadow = [variant("shadow", model)]
    assert "Could not find model" in create(variant("v1", "absent"))
    assert "must be unique" in create(variant("v1", model), variant("v1", model))
    two = (variant("v1", model), variant("v2", model))
    assert "exactly one production variant" in create(*two, ShadowProductionVariants=shadow)
    assert "exactly one production" in create(two[0], ShadowProductionVariants=[*shadow, variant("s2", model)])
    assert "enum value set" in create({**variant("v1", model), "InstanceType": "ml.huge"})
    assert "already existing endpoint configuration" in create(variant("v1", model), EndpointConfigName=name)


def test_unknown_names_are_refused(aws: LocalAws) -> None:
    """Describing and deleting what does not exist is refused."""
    sagemaker = aws.sagemaker

    found = [
        refused(sagemaker.describe_model, ModelName="absent"),
        refused(sagemaker.delete_model, ModelName="absent"),
        refused(sagemaker.describe_endpoint_config, EndpointConfigName="absent"),
        refused(sagemaker.delete_endpoint_config, EndpointConfigName="absent"),
    ]

    assert all(code == "ValidationException" and message.startswith("Could not find") for code, message in found)


@pytest.mark.parametrize(
    ("kind", "taken"),
    [
        ("application/vnd.docker.distribution.manifest.v2+json", True),
        ("application/vnd.oci.image.manifest.v1+json", False),
    ],
)
def test_image_in_the_oci_format_serves_nothing(aws: LocalAws, kind: str, taken: bool) -> None:
    """CreateModel takes Docker's own manifests alone, whatever the registry holds."""
    repository = INFERENCE_IMAGE.partition("/")[2].partition(":")[0]
    ecr, tag = aws.client("ecr"), INFERENCE_IMAGE.rpartition(":")[2]
    part = {"mediaType": "x", "size": 1, "digest": f"sha256:{'0' * 64}"}
    manifest = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": part, "layers": [part]})
    ecr.create_repository(repositoryName=repository)
    ecr.put_image(repositoryName=repository, imageManifest=manifest, imageTag=tag)

    try:
        if taken:
            assert aws.model()
        else:
            with pytest.raises(ClientError, match=f"Unsupported manifest media type {re.escape(kind)}"):
                aws.model()
    finally:
        ecr.delete_repository(repositoryName=repository, force=True)
