"""Feature groups and their records."""

import uuid
from typing import Any

import pytest

from pipeline.tests.local.harness import LocalAws, refused


@pytest.fixture
def group(aws: LocalAws) -> str:
    """Return a feature group with an online store."""
    name = f"applicants-{uuid.uuid4().hex[:8]}"
    types = {"id": "String", "time": "Fractional", "income": "Fractional"}
    aws.sagemaker.create_feature_group(
        FeatureGroupName=name,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="time",
        FeatureDefinitions=[{"FeatureName": key, "FeatureType": value} for key, value in types.items()],
        OnlineStoreConfig={"EnableOnlineStore": True},
    )
    return name


def put(aws: LocalAws, group: str, **values: str) -> None:
    """Put a record."""
    record = [{"FeatureName": key, "ValueAsString": value} for key, value in values.items()]
    runtime(aws).put_record(FeatureGroupName=group, Record=record)


def got(aws: LocalAws, group: str, identifier: str, **more: Any) -> dict[str, str]:
    """Return a record as a dictionary; empty when there is none."""
    answer = runtime(aws).get_record(FeatureGroupName=group, RecordIdentifierValueAsString=identifier, **more)
    return {feature["FeatureName"]: feature["ValueAsString"] for feature in answer.get("Record", [])}


def runtime(aws: LocalAws) -> Any:
    """Return the client of Feature Store's runtime."""
    return aws.client("sagemaker-featurestore-runtime")


def test_the_latest_event_wins(aws: LocalAws, group: str) -> None:
    """An older event never replaces a newer one."""
    put(aws, group, id="a", time="100", income="1")
    put(aws, group, id="a", time="300", income="3")
    put(aws, group, id="a", time="200", income="2")

    assert got(aws, group, "a") == {"id": "a", "time": "300", "income": "3"}
    assert got(aws, group, "a", FeatureNames=["income"]) == {"income": "3"}
    assert got(aws, group, "b") == {}


def test_deletes_and_reads_several(aws: LocalAws, group: str) -> None:
    """A deleted record is gone; a batch returns those that are there."""
    put(aws, group, id="a", time="100", income="1")
    put(aws, group, id="b", time="100", income="2")

    runtime(aws).delete_record(FeatureGroupName=group, RecordIdentifierValueAsString="a", EventTime="200")

    wanted = [{"FeatureGroupName": group, "RecordIdentifiersValueAsString": ["a", "b"]}]
    records = runtime(aws).batch_get_record(Identifiers=wanted)["Records"]
    assert [record["RecordIdentifierValueAsString"] for record in records] == ["b"]


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"id": "a", "time": "1", "age": "3"}, "not part of the feature group"),
        ({"id": "a", "income": "3"}, "time is required"),
        ({"id": "a", "time": "1", "income": "much"}, "is of type Fractional"),
    ],
)
def test_refuses_a_record(aws: LocalAws, group: str, values: dict[str, str], message: str) -> None:
    """Unknown features, missing keys, wrong types."""
    code, found = refused(put, aws=aws, group=group, **values)

    assert code == "ValidationError"
    assert message in found


def test_refuses_groups(aws: LocalAws, group: str) -> None:
    """Unknown groups, and what has no local counterpart."""
    offline = {"S3StorageConfig": {"S3Uri": "s3://bucket/offline"}}
    definitions = [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "time")]
    request = {"RecordIdentifierFeatureName": "id", "EventTimeFeatureName": "time", "FeatureDefinitions": definitions}
    create = aws.sagemaker.create_feature_group

    assert refused(put, aws=aws, group="absent", id="a")[0] == "ResourceNotFound"
    assert (
        refused(create, FeatureGroupName="off", OfflineStoreConfig=offline, **request)[0] == "NotImplementedByLocalAWS"
    )
    online = {"EnableOnlineStore": True}
    assert refused(create, FeatureGroupName=group, OnlineStoreConfig=online, **request)[0] == "ResourceInUse"


def test_a_deleted_group_takes_its_records_along(aws: LocalAws, group: str) -> None:
    """After DeleteFeatureGroup nothing answers."""
    put(aws, group, id="a", time="1", income="1")

    aws.sagemaker.delete_feature_group(FeatureGroupName=group)

    assert refused(aws.sagemaker.describe_feature_group, FeatureGroupName=group)[0] == "ResourceNotFound"
    assert refused(put, aws=aws, group=group, id="a")[0] == "ResourceNotFound"
