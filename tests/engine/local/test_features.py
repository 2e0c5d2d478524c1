"""Feature groups and their records."""

import io
import re
import uuid
from typing import Any

import pyarrow.parquet as pq
import pytest
from tests.engine.local.harness import ACCOUNT, BUCKET, REGION, ROLE, LocalAws, eventually, refused


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


@pytest.fixture
def historic(aws: LocalAws) -> str:
    """Return a feature group with both stores."""
    name = f"applicants-{uuid.uuid4().hex[:8]}"
    aws.sagemaker.create_feature_group(**definition(name))
    return name


def definition(name: str, **changes: Any) -> dict[str, Any]:
    """Return a request for a group with both stores."""
    types = {"id": "String", "time": "String", "income": "Fractional", "children": "Integral"}
    return {
        "FeatureGroupName": name,
        "RecordIdentifierFeatureName": "id",
        "EventTimeFeatureName": "time",
        "FeatureDefinitions": [{"FeatureName": key, "FeatureType": value} for key, value in types.items()],
        "OnlineStoreConfig": {"EnableOnlineStore": True},
        "OfflineStoreConfig": {
            "S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/features/"},
            "DisableGlueTableCreation": True,
        },
        "RoleArn": ROLE,
        **changes,
    }


def test_history_is_parquet_by_hour_of_the_event(aws: LocalAws, historic: str) -> None:
    """Every write and every deletion, older ones too, in the layout and with the columns of Feature Store."""
    put(aws, historic, id="a", time="2026-01-31T12:30:00Z", income="0.1", children="2")
    put(aws, historic, id="a", time="2026-01-31T12:10:00.500Z", income="7")
    runtime(aws).delete_record(
        FeatureGroupName=historic, RecordIdentifierValueAsString="a", EventTime="2026-02-01T00:00:00Z"
    )

    resolved = aws.sagemaker.describe_feature_group(FeatureGroupName=historic)["OfflineStoreConfig"]
    uri = resolved["S3StorageConfig"]["ResolvedOutputS3Uri"]
    prefix = uri.removeprefix(f"s3://{BUCKET}/")
    found = eventually(lambda: files(aws, prefix), lambda seen: sum(map(len, seen.values())) == 3)

    assert re.fullmatch(rf"features/{ACCOUNT}/sagemaker/{REGION}/offline-store/{historic}-\d+/data", prefix)
    hours = [key.rsplit("/", 1)[0].removeprefix(f"{prefix}/") for key in found]
    assert set(hours) == {"year=2026/month=01/day=31/hour=12", "year=2026/month=02/day=01/hour=00"}
    assert all(re.fullmatch(r"\d{8}T\d{6}Z_[0-9A-Za-z]{16}\.parquet", key.rsplit("/", 1)[1]) for key in found)
    lines = sorted((line for part in found.values() for line in part), key=lambda line: str(line["time"]))
    assert [(line["income"], line["children"], line["is_deleted"]) for line in lines] == [
        (7.0, None, False),
        (0.1, 2, False),
        (None, None, True),
    ]
    assert all(line["write_time"] >= line["api_invocation_time"] for line in lines)
    assert got(aws, historic, "a") == {}


def files(aws: LocalAws, prefix: str) -> dict[str, list[dict[str, Any]]]:
    """Read what lies below a prefix."""
    s3 = aws.client("s3")
    keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=prefix).get("Contents", [])]
    return {
        key: pq.read_table(io.BytesIO(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read())).to_pylist() for key in keys
    }


def test_a_record_goes_where_it_is_sent(aws: LocalAws, historic: str) -> None:
    """TargetStores names one of the stores; a group without it refuses."""
    record = [{"FeatureName": "id", "ValueAsString": "x"}, {"FeatureName": "time", "ValueAsString": "1"}]
    request = {"FeatureGroupName": historic, "Record": record}

    runtime(aws).put_record(**request, TargetStores=["OfflineStore"])

    assert got(aws, historic, "x") == {}
    name = f"online-{uuid.uuid4().hex[:8]}"
    online = {key: value for key, value in definition(name).items() if key not in {"OfflineStoreConfig", "RoleArn"}}
    aws.sagemaker.create_feature_group(**online)
    told = refused(runtime(aws).put_record, **{**request, "FeatureGroupName": name}, TargetStores=["OfflineStore"])
    assert told[0] == "ValidationError"


def test_event_time_has_one_of_two_forms(aws: LocalAws, historic: str) -> None:
    """Other spellings of ISO-8601 are refused, as the service does."""
    for wrong in ("2026-01-31", "2026-01-31T12:00:00+01:00", "2026-01-31 12:00:00Z", "2026-13-31T12:00:00Z"):
        code, _ = refused(put, aws=aws, group=historic, id="a", time=wrong)

        assert code == "ValidationError"


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"RoleArn": f"arn:aws:iam::{ACCOUNT}:role/nobody"}, "ValidationException"),
        ({"EventTimeFeatureName": "children"}, "ValidationException"),
        ({"FeatureDefinitions": [{"FeatureName": "write_time", "FeatureType": "String"}]}, "ValidationException"),
        ({"OnlineStoreConfig": {"EnableOnlineStore": True, "StorageType": "InMemory"}}, "NotImplementedByLocalAWS"),
    ],
)
def test_refuses_definitions(aws: LocalAws, changes: dict[str, Any], code: str) -> None:
    """A role that is not there, a time that is a number of another kind, reserved names, what is not carried out."""
    assert refused(aws.sagemaker.create_feature_group, **definition("refused", **changes))[0] == code


def test_refuses_tables_without_glue(aws: LocalAws) -> None:
    """Iceberg needs Glue, which is not here; a role is needed for either."""
    offline = definition("refused")["OfflineStoreConfig"]
    create = aws.sagemaker.create_feature_group
    iceberg = definition("refused", OfflineStoreConfig={**offline, "TableFormat": "Iceberg"})
    nobody = {key: value for key, value in definition("refused").items() if key != "RoleArn"}

    assert refused(create, **iceberg)[0] == "ValidationException"
    assert refused(create, **nobody)[0] == "ValidationException"


def test_a_deleted_group_takes_its_records_along(aws: LocalAws, group: str) -> None:
    """After DeleteFeatureGroup nothing answers."""
    put(aws, group, id="a", time="1", income="1")

    aws.sagemaker.delete_feature_group(FeatureGroupName=group)

    assert refused(aws.sagemaker.describe_feature_group, FeatureGroupName=group)[0] == "ResourceNotFound"
    assert refused(put, aws=aws, group=group, id="a")[0] == "ResourceNotFound"
