"""What teardown removes beside the stacks, on S3 as moto has it."""

from datetime import UTC, datetime, timedelta

import boto3
import pytest
from moto import mock_aws
from sagemaker_gitops.aws.remains import Remains
from sagemaker_gitops.errors import AwsRefused


@mock_aws
def test_version_that_is_locked_ends_the_emptying_of_its_bucket(monkeypatch: pytest.MonkeyPatch) -> None:
    """S3 answers 200 and says in its body what it left: to ask for ever would not help."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    session = boto3.Session(region_name="us-east-1")
    s3 = session.client("s3")
    s3.create_bucket(Bucket="locked", ObjectLockEnabledForBucket=True)
    until = datetime.now(UTC) + timedelta(days=1)
    s3.put_object(Bucket="locked", Key="entry", Body=b"1", ObjectLockMode="COMPLIANCE", ObjectLockRetainUntilDate=until)

    with pytest.raises(AwsRefused, match="1 versions could not be deleted: AccessDenied") as refused:
        Remains(session, poll_seconds=0).empty_bucket("locked")

    assert refused.value.where == "s3://locked/entry"
