"""What the pipeline made beside the stacks, and what stacks leave behind: found, and removed."""

import time
from collections.abc import Iterator
from typing import TYPE_CHECKING

import botocore.exceptions

from sagemaker_gitops.aws.session import aws_errors, error_code, is_missing
from sagemaker_gitops.errors import AwsRefused

if TYPE_CHECKING:
    import boto3
    from mypy_boto3_s3.type_defs import ObjectIdentifierTypeDef

_AT_ONCE = 1000
_CHANGING = frozenset({"Creating", "Updating", "SystemUpdating", "RollingBack", "Deleting"})
_NAME_PART = 64  # the longest that ListFeatureGroups looks for


class Remains:
    """Endpoints, models, filled buckets, protected tables."""

    def __init__(self, session: "boto3.Session", *, poll_seconds: float) -> None:
        self._sagemaker = session.client("sagemaker")
        self._s3 = session.client("s3")
        self._dynamodb = session.client("dynamodb")
        self._ecr = session.client("ecr")
        self._logs = session.client("logs")
        self._kms = session.client("kms")
        self._poll_seconds = poll_seconds

    @aws_errors()
    def delete_endpoint(self, name: str) -> bool:
        """Delete an endpoint and wait until it is gone; False when there was none.

        SageMaker deletes none that is changing, so that is waited for first.
        """
        asked = False
        try:
            while self._sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] in _CHANGING:
                time.sleep(self._poll_seconds)
            self._sagemaker.delete_endpoint(EndpointName=name)
            asked = True
            while True:
                self._sagemaker.describe_endpoint(EndpointName=name)
                time.sleep(self._poll_seconds)
        except botocore.exceptions.ClientError as err:
            if not is_missing(err):
                raise
            return asked

    @aws_errors()
    def delete_models(self, prefix: str) -> int:
        """Delete the endpoint configurations and models whose names begin so; return how many."""
        configs = [name for name in self._configs() if name.startswith(prefix)]
        models = [name for name in self._models() if name.startswith(prefix)]
        for name in configs:
            self._sagemaker.delete_endpoint_config(EndpointConfigName=name)
        for name in models:
            self._sagemaker.delete_model(ModelName=name)
        return len(configs) + len(models)

    @aws_errors()
    def locked(self, bucket: str) -> bool:
        """Tell whether a bucket holds what nobody can delete before its time."""
        try:
            self._s3.get_object_lock_configuration(Bucket=bucket)
        except botocore.exceptions.ClientError as err:
            if error_code(err) in {"ObjectLockConfigurationNotFoundError", "NoSuchBucket"}:
                return False
            raise
        return bool(self._versions(bucket))

    @aws_errors()
    def empty_bucket(self, bucket: str) -> None:
        """Delete every version of every object of a bucket; refuse to go on at the first that cannot be deleted."""
        while batch := self._versions(bucket):
            answer = self._s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
            # S3 answers 200 whatever became of each object.
            if errors := answer.get("Errors"):
                first = errors[0]
                raise AwsRefused(
                    f"{len(errors)} versions could not be deleted: {first.get('Code')} {first.get('Message')}",
                    where=f"s3://{bucket}/{first.get('Key')}",
                    next_step="wait until its lock ends, or find out who denies it; then run this again",
                )

    @aws_errors()
    def delete_bucket(self, bucket: str) -> None:
        """Delete a bucket with all that is in it."""
        try:
            self.empty_bucket(bucket)
            self._s3.delete_bucket(Bucket=bucket)
        except botocore.exceptions.ClientError as err:
            if not is_missing(err):
                raise

    @aws_errors()
    def delete_table(self, table: str) -> None:
        """Lift a table's protection, and delete it."""
        try:
            self._dynamodb.update_table(TableName=table, DeletionProtectionEnabled=False)
            self._dynamodb.delete_table(TableName=table)
        except botocore.exceptions.ClientError as err:
            if not is_missing(err):
                raise

    @aws_errors()
    def delete_repository(self, name: str) -> None:
        """Delete a repository with its images."""
        try:
            self._ecr.delete_repository(repositoryName=name, force=True)
        except botocore.exceptions.ClientError as err:
            if error_code(err) != "RepositoryNotFoundException":
                raise

    @aws_errors()
    def delete_log_group(self, name: str) -> None:
        """Delete a log group."""
        try:
            self._logs.delete_log_group(logGroupName=name)
        except botocore.exceptions.ClientError as err:
            if not is_missing(err):
                raise

    @aws_errors()
    def delete_registry(self, group: str) -> None:
        """Delete a model package group with its versions."""
        try:
            pages = self._sagemaker.get_paginator("list_model_packages").paginate(ModelPackageGroupName=group)
            for arn in [item["ModelPackageArn"] for page in pages for item in page["ModelPackageSummaryList"]]:
                self._sagemaker.delete_model_package(ModelPackageName=arn)
            self._sagemaker.delete_model_package_group(ModelPackageGroupName=group)
        except botocore.exceptions.ClientError as err:
            if not is_missing(err):
                raise

    @aws_errors()
    def feature_groups(self, part: str) -> list[str]:
        """Name the feature groups whose names contain this."""
        pages = self._sagemaker.get_paginator("list_feature_groups").paginate(NameContains=part[:_NAME_PART])
        return [item["FeatureGroupName"] for page in pages for item in page["FeatureGroupSummaries"]]

    @aws_errors()
    def delete_feature_group(self, name: str) -> None:
        """Delete a feature group with its online records; its history is the bucket's."""
        try:
            # A deletion that is under way takes a while, and is not asked for twice.
            if self._sagemaker.describe_feature_group(FeatureGroupName=name).get("FeatureGroupStatus") != "Deleting":
                self._sagemaker.delete_feature_group(FeatureGroupName=name)
        except botocore.exceptions.ClientError as err:
            if not is_missing(err):
                raise

    @aws_errors()
    def delete_key(self, key: str) -> None:
        """Schedule a key's deletion; AWS waits 30 days."""
        self._kms.schedule_key_deletion(KeyId=key, PendingWindowInDays=30)

    def _versions(self, bucket: str) -> "list[ObjectIdentifierTypeDef]":
        page = self._s3.list_object_versions(Bucket=bucket, MaxKeys=_AT_ONCE)
        return [
            {"Key": item["Key"], "VersionId": item["VersionId"]}
            for item in (*page.get("Versions", []), *page.get("DeleteMarkers", []))
        ]

    def _configs(self) -> Iterator[str]:
        for page in self._sagemaker.get_paginator("list_endpoint_configs").paginate():
            yield from (item["EndpointConfigName"] for item in page["EndpointConfigs"])

    def _models(self) -> Iterator[str]:
        for page in self._sagemaker.get_paginator("list_models").paginate():
            yield from (item["ModelName"] for item in page["Models"])
