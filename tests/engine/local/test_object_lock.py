"""Object Lock: what COMPLIANCE keeps, nobody takes back; GOVERNANCE gives way to who may bypass it."""

import datetime as dt
import uuid
from typing import Any

import pytest
from sagemaker_gitops.local.iam.actions import needed
from sagemaker_gitops.local.server.context import Place
from tests.engine.local.harness import LocalAws, refused

NOW = dt.datetime.now(dt.UTC).replace(microsecond=0)
YEAR, MONTH, PAST = NOW + dt.timedelta(days=365), NOW + dt.timedelta(days=30), NOW - dt.timedelta(days=1)


@pytest.fixture
def bucket(aws: LocalAws) -> str:
    """Make a bucket with Object Lock."""
    name = f"locked-{uuid.uuid4().hex[:8]}"
    aws.client("s3").create_bucket(Bucket=name, ObjectLockEnabledForBucket=True)
    return name


def locked(aws: LocalAws, bucket: str, mode: str) -> dict[str, Any]:
    """Write an object that is kept for a year; return what names its version."""
    made = aws.client("s3").put_object(
        Bucket=bucket, Key="entry", Body=b"1", ObjectLockMode=mode, ObjectLockRetainUntilDate=YEAR
    )
    return {"Bucket": bucket, "Key": "entry", "VersionId": made["VersionId"]}


@pytest.mark.parametrize(
    ("kept", "retention", "more", "wanted"),
    [
        ("COMPLIANCE", {"Mode": "COMPLIANCE", "RetainUntilDate": MONTH}, {}, "AccessDenied"),
        ("COMPLIANCE", {"Mode": "GOVERNANCE", "RetainUntilDate": YEAR}, {}, "AccessDenied"),
        ("COMPLIANCE", {}, {"BypassGovernanceRetention": True}, "AccessDenied"),
        ("COMPLIANCE", {"Mode": "COMPLIANCE", "RetainUntilDate": PAST}, {}, "InvalidArgument"),
        ("GOVERNANCE", {"Mode": "GOVERNANCE", "RetainUntilDate": MONTH}, {}, "AccessDenied"),
        ("GOVERNANCE", {}, {}, "AccessDenied"),
    ],
)
def test_retention_is_not_taken_back(
    aws: LocalAws, bucket: str, kept: str, retention: dict[str, Any], more: dict[str, Any], wanted: str
) -> None:
    """Shorter, weaker, none, or one that has passed."""
    version = locked(aws, bucket, kept)

    code, _ = refused(aws.client("s3").put_object_retention, **version, Retention=retention, **more)

    assert code == wanted
    assert aws.client("s3").head_object(**version)["ObjectLockRetainUntilDate"] == YEAR


@pytest.mark.parametrize(
    ("kept", "retention", "more"),
    [
        ("COMPLIANCE", {"Mode": "COMPLIANCE", "RetainUntilDate": YEAR + dt.timedelta(days=1)}, {}),
        ("GOVERNANCE", {"Mode": "COMPLIANCE", "RetainUntilDate": YEAR}, {}),
        ("GOVERNANCE", {"Mode": "GOVERNANCE", "RetainUntilDate": MONTH}, {"BypassGovernanceRetention": True}),
    ],
)
def test_retention_may_grow_and_governance_be_bypassed(
    aws: LocalAws, bucket: str, kept: str, retention: dict[str, Any], more: dict[str, Any]
) -> None:
    """Longer, stronger, or by whom the bucket lets bypass."""
    version = locked(aws, bucket, kept)

    aws.client("s3").put_object_retention(**version, Retention=retention, **more)

    head = aws.client("s3").head_object(**version)
    assert (head["ObjectLockMode"], head["ObjectLockRetainUntilDate"]) == tuple(retention.values())


def test_object_is_not_written_with_a_retention_that_has_passed(aws: LocalAws, bucket: str) -> None:
    """Nor with half of one."""
    put = aws.client("s3").put_object
    one = {"Bucket": bucket, "Key": "entry", "Body": b"1"}

    late = refused(put, **one, ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=PAST)[0]
    half = refused(put, **one, ObjectLockMode="COMPLIANCE")[0]

    assert (late, half) == ("InvalidArgument", "InvalidArgument")


def test_versioning_of_a_locked_bucket_is_not_suspended(aws: LocalAws, bucket: str) -> None:
    """Without versions nothing would be locked; an ordinary bucket may."""
    s3, plain = aws.client("s3"), f"plain-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=plain)
    suspended = {"Status": "Suspended"}

    code, _ = refused(s3.put_bucket_versioning, Bucket=bucket, VersioningConfiguration=suspended)
    s3.put_bucket_versioning(Bucket=plain, VersioningConfiguration=suspended)

    assert code == "InvalidBucketState"


def test_bypass_is_an_action_of_its_own() -> None:
    """A role that may delete may not therefore bypass."""
    params = {"Bucket": "b", "Key": "k", "BypassGovernanceRetention": True}

    found = needed("s3", "DeleteObjectVersion", params, Place(account="1", region="r"))

    assert [access.action for access in found] == ["s3:DeleteObjectVersion", "s3:BypassGovernanceRetention"]
