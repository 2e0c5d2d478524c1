"""Feature groups: what they hold, records in, records out, and the history in S3."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import botocore.exceptions

from sagemaker_gitops.aws.session import aws_errors, is_missing
from sagemaker_gitops.aws.storage import split
from sagemaker_gitops.client.features import FeatureReader, FeaturesMissing, FeaturesUnread, Value
from sagemaker_gitops.errors import AwsRefused, FeaturesAbsent

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sagemaker import SageMakerClient


class Runtime(Protocol):
    """boto3's client of Feature Store's runtime."""

    @property
    def put_record(self) -> Callable[..., Any]: ...  # noqa: D102
    @property
    def batch_get_record(self) -> Callable[..., Any]: ...  # noqa: D102


@dataclass(frozen=True, kw_only=True)
class Group:
    """A feature group as it stands."""

    name: str
    status: str
    failure: str
    types: Mapping[str, str]
    history: str


class Features:
    """The feature groups of one environment."""

    def __init__(self, control: "SageMakerClient", runtime: Runtime, s3: "S3Client") -> None:
        self._control = control
        self._runtime = runtime
        self._s3 = s3

    @aws_errors()
    def describe(self, name: str) -> Group | None:
        """Look at a feature group; None when there is none."""
        try:
            found = self._control.describe_feature_group(FeatureGroupName=name)
        except botocore.exceptions.ClientError as err:
            if is_missing(err):
                return None
            raise
        members, page = list(found["FeatureDefinitions"]), found
        while token := page.get("NextToken"):
            page = self._control.describe_feature_group(FeatureGroupName=name, NextToken=token)
            members += page["FeatureDefinitions"]
        storage = found.get("OfflineStoreConfig", {}).get("S3StorageConfig", {})
        return Group(
            name=name,
            status=found.get("FeatureGroupStatus", ""),
            failure=found.get("FailureReason", ""),
            types={item["FeatureName"]: item["FeatureType"] for item in members},
            history=storage.get("ResolvedOutputS3Uri", ""),
        )

    @aws_errors()
    def put(self, group: str, record: Mapping[str, str]) -> None:
        """Write a record; the online store keeps the newest of an id, the offline store every one."""
        values = [{"FeatureName": name, "ValueAsString": text} for name, text in record.items()]
        self._runtime.put_record(FeatureGroupName=group, Record=values)

    @aws_errors()
    def lookup(self, group: str, ids: Sequence[str]) -> list[dict[str, Value]]:
        """Read the model's input by id, exactly as callers do."""
        try:
            return FeatureReader(self._control, self._runtime, group=group).instances(ids)
        except FeaturesMissing as err:
            raise FeaturesAbsent(
                str(err),
                where=f"feature group {group}",
                next_step="check the ids; `pipeline features ingest` brings the data set's",
            ) from err
        except FeaturesUnread as err:
            raise AwsRefused(str(err), where=f"feature group {group}", next_step="run it again") from err

    @aws_errors()
    def history(self, uri: str, *, before: str) -> Iterator[bytes]:
        """Read the offline store's files of the hours up to one: year=Y/month=MM/day=DD/hour=HH."""
        bucket, prefix = split(uri.rstrip("/") + "/")
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
            for item in page.get("Contents", []):
                hour, _, name = item["Key"].removeprefix(prefix).rpartition("/")
                if name.endswith(".parquet") and hour <= before:
                    yield self._s3.get_object(Bucket=bucket, Key=item["Key"])["Body"].read()
