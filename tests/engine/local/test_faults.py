"""Faults on demand: each strikes what it is told to, and is lifted again."""

import time
from collections.abc import Iterator

import pytest
from sagemaker_gitops.errors import ConfigurationError
from tests.engine.local.harness import LocalAws, refused


@pytest.fixture(autouse=True)
def no_fault_left(aws: LocalAws) -> Iterator[None]:
    """Lift every fault after the test."""
    yield
    aws.switch("clear")


@pytest.mark.parametrize(
    ("kind", "code"),
    [("throttle", "ThrottlingException"), ("5xx", "InternalFailure"), ("expired-credentials", "ExpiredTokenException")],
)
def test_call_faults_hit_one_operation(aws: LocalAws, kind: str, code: str) -> None:
    """The named operation fails, another one does not, and the switch shows what is in force."""
    told = aws.switch(kind, operation="ListModels")

    assert refused(aws.sagemaker.list_models)[0] == code
    aws.sagemaker.list_endpoints()
    assert told == f"{kind}: 100% of ListModels"
    assert aws.switch("clear") == "no fault is in force"
    aws.sagemaker.list_models()


def test_faults_hit_the_other_services_too(aws: LocalAws) -> None:
    """S3 says it in XML, DynamoDB in JSON, both readable by boto3."""
    aws.switch("throttle")

    assert refused(aws.client("s3").list_buckets)[0] == "SlowDown"
    assert refused(aws.client("dynamodb").list_tables)[0] == "ThrottlingException"
    assert refused(aws.client("cloudwatch").list_metrics)[0] == "ThrottlingException"


def test_a_rate_hits_a_share(aws: LocalAws) -> None:
    """Half means about half."""
    aws.switch("throttle", rate=0.5, operation="ListModels")

    failed = 0
    for _ in range(60):
        try:
            aws.sagemaker.list_models()
        except aws.sagemaker.exceptions.ClientError:
            failed += 1

    assert 10 < failed < 50


def test_stale_reads_are_old_and_catch_up(aws: LocalAws) -> None:
    """A change is not seen for as long as it was told, and then is."""
    group = {"ModelPackageGroupName": "seen-late"}
    aws.sagemaker.create_model_package_group(**group)
    aws.switch("stale", operation="DescribeModelPackageGroup", seconds=0.5)
    aws.sagemaker.describe_model_package_group(**group)
    time.sleep(0.5)
    aws.sagemaker.delete_model_package_group(**group)

    aws.sagemaker.create_model_package_group(**group, ModelPackageGroupDescription="the second")

    assert "ModelPackageGroupDescription" not in aws.sagemaker.describe_model_package_group(**group)
    time.sleep(0.6)
    assert aws.sagemaker.describe_model_package_group(**group)["ModelPackageGroupDescription"] == "the second"


def test_slow_is_slow(aws: LocalAws) -> None:
    """A slow call takes the seconds it was told."""
    aws.switch("slow", operation="ListModels", seconds=0.3)
    started = time.monotonic()

    aws.sagemaker.list_models()

    assert time.monotonic() - started >= 0.3


def test_endpoint_failed(aws: LocalAws) -> None:
    """A fleet does not come up."""
    config = aws.config(aws.model())
    aws.switch("endpoint-failed")

    aws.sagemaker.create_endpoint(EndpointName="faulty", EndpointConfigName=config)

    assert aws.settled("faulty")["EndpointStatus"] == "Failed"


def test_training_failed(aws: LocalAws) -> None:
    """A job fails by AWS's fault."""
    aws.switch("training-failed")

    job = aws.trained(aws.train())

    assert job["TrainingJobStatus"] == "Failed"
    assert job["FailureReason"].startswith("InternalServerError")


def test_an_unknown_fault_is_refused(aws: LocalAws) -> None:
    """The switch says what it knows."""
    with pytest.raises(ConfigurationError, match="known: throttle, 5xx"):
        aws.switch("flood")
