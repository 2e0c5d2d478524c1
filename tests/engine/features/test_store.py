"""Feature Store on the embedded AWS: declared by a stack, filled once, and the same for training and serving."""

import io
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow.parquet as pq
import pytest
from sagemaker_gitops.client.features import FeatureReader, FeaturesMissing
from sagemaker_gitops.project import features as definition
from sagemaker_gitops_modelkit.serving.json_input import JsonInput
from sagemaker_gitops_modelkit.serving.schema import parse_schema
from sagemaker_gitops_modelkit.training.data import features, onnx_inputs, parse, read_text
from sagemaker_gitops_modelkit.training.feature_schema import load_schema
from tests.engine.conftest import copy_project
from tests.engine.stages.conftest import QUICK, Laptop, surroundings

pytestmark = pytest.mark.acceptance

STORE = {"PIPELINE__SERVING__FEATURES": "store"}
BUCKET = "loan-approval-features-dev-111111111111"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Start an AWS whose dev has a feature store; its images are not needed."""
    root = copy_project(tmp_path_factory.mktemp("features") / "project")
    bare = Laptop(root=root, environ={})
    laptop = Laptop(root=root, environ={**bare.run("local", "up").outputs, **QUICK, **STORE})
    try:
        made = laptop.run("bootstrap", "aws", "--env", "dev", "--yes")
        assert made.exit_code == 0, made.stderr
        yield laptop
    finally:
        bare.run("local", "down")


def group(laptop: Laptop) -> str:
    """Name the feature group of the checkout's schema."""
    return definition.read(laptop.root).group("loan-approval-dev")


def rows(laptop: Laptop) -> pd.DataFrame:
    """Read the data set as text."""
    return pd.read_csv(laptop.root / "data/hmda.csv", dtype=str, keep_default_na=False)


def landed(laptop: Laptop, count: int) -> list[dict[str, Any]]:
    """Return the history once it has so many lines."""
    s3, end = laptop.client("s3"), time.monotonic() + 60
    while True:
        keys = [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET, Prefix="history/").get("Contents", [])]
        lines = [
            line
            for key in keys
            for line in pq.read_table(
                io.BytesIO(s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()), partitioning=None
            ).to_pylist()
        ]
        if len(lines) >= count:
            return lines
        assert time.monotonic() < end, f"{len(lines)} of {count} lines"
        time.sleep(0.2)


def now() -> str:
    """Name the present."""
    return datetime.now(UTC).isoformat()


def test_group_is_what_the_schema_defines(shop: Laptop) -> None:
    """The stack made it, encrypted in both stores; `features define` finds it as declared."""
    described = shop.client("sagemaker").describe_feature_group(FeatureGroupName=group(shop))

    told = shop.run("features", "define", "--env", "dev")

    assert told.exit_code == 0, told.stderr
    assert told.outputs["group"] == group(shop)
    key = described["OnlineStoreConfig"]["SecurityConfig"]["KmsKeyId"]
    assert key.startswith("arn:aws:kms:")
    assert described["OfflineStoreConfig"]["S3StorageConfig"]["KmsKeyId"] == key
    place = f"s3://{BUCKET}/history/111111111111/sagemaker/eu-west-1/offline-store/{group(shop)}-"
    assert told.outputs["history"].startswith(place)


def test_interrupted_ingestion_is_continued_and_a_whole_one_not_repeated(shop: Laptop) -> None:
    """Killed after its first part, it writes only the others; the same data and schema are written once."""
    command = [sys.executable, "-m", "sagemaker_gitops", "features", "ingest", "--env", "dev"]
    environ = {**surroundings(), **shop.environ}
    out, err = subprocess.PIPE, subprocess.STDOUT
    with subprocess.Popen(command, cwd=shop.root, env=environ, text=True, stdout=out, stderr=err) as run:
        assert run.stdout is not None
        for line in run.stdout:
            if "part 1 of" in line:
                run.kill()
                break
    whole = len(rows(shop))

    first, second = (shop.run("features", "ingest", "--env", "dev") for _ in range(2))

    assert (first.exit_code, second.exit_code) == (0, 0), first.stderr
    assert 0 < int(first.outputs["written"]) < whole
    assert second.outputs["written"] == "0"
    times = {line["event_time"] for line in landed(shop, whole)}
    assert len(times) == 1


def test_training_and_serving_see_the_same_values(shop: Laptop, tmp_path: Path) -> None:
    """For every id, what the training code reads is what the serving code reads: each number, each category."""
    landed(shop, len(rows(shop)))
    output = tmp_path / "training" / "set.csv"
    made = shop.run("features", "training-set", "--env", "dev", "--as-of", now(), "--output", str(output))
    assert made.exit_code == 0, made.stderr
    config = shop.root / "model/config/schema.json"
    schema = load_schema(config)
    table = parse(read_text(output.parent), schema)
    (trained,) = onnx_inputs(features(table, schema), schema).values()

    reader = FeatureReader(shop.client("sagemaker"), shop.client("sagemaker-featurestore-runtime"), group=group(shop))
    body = json.dumps({"instances": reader.instances(list(table[schema.id]))}).encode()
    serving = parse_schema(config.read_bytes())
    served = JsonInput(serving, max_rows=len(table)).decode(body)

    assert made.outputs["rows"] == str(len(rows(shop)))
    for place, name in enumerate(schema.feature_names):
        assert trained[:, place].tobytes() == served[:, place].tobytes(), name


def test_training_set_of_the_store_is_the_data_set(shop: Laptop, tmp_path: Path) -> None:
    """Training on one or the other gives the same model: every column reads alike."""
    output = tmp_path / "set.csv"
    told = shop.run("features", "training-set", "--env", "dev", "--as-of", now(), "--output", str(output))
    assert told.exit_code == 0, told.stderr
    schema = load_schema(shop.root / "model/config/schema.json")

    ours, theirs = parse(read_text(tmp_path), schema), parse(read_text(shop.root / "data"), schema)

    pd.testing.assert_frame_equal(ours, theirs)
    assert "may differ" in json.loads(told.stdout)["summary"]


def test_change_is_seen_online_at_once_and_in_the_history_by_its_time(shop: Laptop, tmp_path: Path) -> None:
    """A later event counts for labels after it, a late older one not online; a deleted record is gone from both."""
    landed(shop, len(rows(shop)))
    runtime, name, before = shop.client("sagemaker-featurestore-runtime"), group(shop), now()
    found = runtime.get_record(FeatureGroupName=name, RecordIdentifierValueAsString="1")["Record"]
    values = {one["FeatureName"]: one["ValueAsString"] for one in found}
    for when, ratio in (("2030-01-01T00:00:00Z", "2.5"), ("2000-01-01T00:00:00Z", "1.5")):
        changed = {**values, "event_time": when, "lvrat": ratio}
        record = [{"FeatureName": key, "ValueAsString": text} for key, text in changed.items()]
        runtime.put_record(FeatureGroupName=name, Record=record)
    runtime.delete_record(FeatureGroupName=name, RecordIdentifierValueAsString="2", EventTime="2030-01-01T00:00:00Z")
    landed(shop, len(rows(shop)) + 3)
    labels = tmp_path / "labels.csv"
    asked = [("1", "2001-01-01"), ("1", "2029-01-01"), ("1", "2031-01-01"), ("2", "2029-01-01"), ("2", "2031-01-01")]
    labels.write_text("rownames,deny,event_time\n" + "".join(f"{who},no,{when}\n" for who, when in asked))
    command = ("features", "training-set", "--env", "dev", "--labels", str(labels), "--output")

    now_known = shop.run(*command, str(tmp_path / "now.csv"), "--as-of", now())
    then_known = shop.run(*command, str(tmp_path / "then.csv"), "--as-of", before)
    looked_up = shop.run("features", "lookup", "--env", "dev", "--id", "1")

    assert (now_known.exit_code, then_known.exit_code, looked_up.exit_code) == (0, 0, 0), now_known.stderr
    assert list(pd.read_csv(tmp_path / "now.csv")["lvrat"]) == [1.5, float(values["lvrat"]), 2.5, 0.921875]
    assert now_known.outputs["missing"] == "1"
    assert list(pd.read_csv(tmp_path / "then.csv")["lvrat"].iloc[:2]) == [float(values["lvrat"])] * 2
    assert json.loads(looked_up.outputs["request"])["instances"][0]["lvrat"] == 2.5
    reader = FeatureReader(shop.client("sagemaker"), runtime, group=name)
    with pytest.raises(FeaturesMissing, match="no features for 2"):
        reader.instances(["1", "2"])


def test_store_that_is_not_there_is_told_with_the_way_to_it(shop: Laptop, tmp_path: Path) -> None:
    """Off by configuration, of another schema, an unknown id, a time that is none: each its own words."""
    off = shop.run("features", "ingest", "--env", "dev", PIPELINE__SERVING__FEATURES="request")
    missing = shop.run("features", "define", "--env", "staging")
    stranger = shop.run("features", "lookup", "--env", "dev", "--id", "nobody")
    output = ("--output", str(tmp_path / "set.csv"))
    when = shop.run("features", "training-set", "--env", "dev", "--as-of", "soon", *output)
    early = shop.run("features", "training-set", "--env", "dev", "--as-of", "1999-01-01", *output)

    assert (off.exit_code, missing.exit_code, stranger.exit_code, when.exit_code, early.exit_code) == (
        2,
        71,
        24,
        23,
        24,
    )
    assert "serving.features" in off.stderr
    assert "bootstrap aws --env staging" in missing.stderr
    assert "no features for nobody" in stranger.stderr
    assert "'soon' is no ISO-8601 time" in when.stderr
    assert "none of 2380 labels" in early.stderr


def test_former_schema_keeps_its_group_and_gets_it_back(shop: Laptop) -> None:
    """Earlier releases go on reading it; a revert of the schema takes it up again, records included."""
    former, path = group(shop), shop.root / "model/config/schema.json"
    written = path.read_text()
    schema = json.loads(written)
    path.write_text(json.dumps({**schema, "features": schema["features"][:-1]}))

    changed = shop.run("bootstrap", "aws", "--env", "dev", "--yes")
    defined = shop.run("features", "define", "--env", "dev")
    there = shop.client("sagemaker").list_feature_groups()["FeatureGroupSummaries"]
    path.write_text(written)
    reverted = shop.run("bootstrap", "aws", "--env", "dev", "--yes")
    looked_up = shop.run("features", "lookup", "--env", "dev", "--id", "3")

    assert (changed.exit_code, defined.exit_code) == (0, 0), changed.stderr + defined.stderr
    assert {item["FeatureGroupName"] for item in there} == {former, defined.outputs["group"]}
    assert former != defined.outputs["group"]
    assert (reverted.exit_code, looked_up.exit_code) == (0, 0), reverted.stderr + looked_up.stderr


def test_store_stays_until_data_goes(shop: Laptop) -> None:
    """Teardown leaves the store with its key and the boundary of its role; with --data they go, too.

    The group of a former schema goes with them; that of another project, whose name begins like ours, stays.
    """
    sagemaker, other = shop.client("sagemaker"), "loan-approval-dev-prod-0123abcd"
    types = [{"FeatureName": name, "FeatureType": "String"} for name in ("id", "at")]
    sagemaker.create_feature_group(
        FeatureGroupName=other,
        RecordIdentifierFeatureName="id",
        EventTimeFeatureName="at",
        FeatureDefinitions=types,
        OnlineStoreConfig={"EnableOnlineStore": True},
    )

    kept = shop.run("teardown", "--env", "dev", "--yes")
    summary = json.loads(kept.stdout)["summary"]
    again = shop.run("bootstrap", "aws", "--env", "dev", "--yes")
    looked_up = shop.run("features", "lookup", "--env", "dev", "--id", "3")
    gone = shop.run("teardown", "--env", "dev", "--yes", "--data")

    assert (kept.exit_code, again.exit_code, looked_up.exit_code) == (0, 0, 0), kept.stderr + again.stderr
    assert "| stack loan-approval-features-dev | it holds data; `--data` deletes it |" in summary
    assert "| stack loan-approval-access-dev | it bounds the role of the feature store, which stays |" in summary
    assert gone.exit_code == 0, gone.stderr
    names = [item["Name"] for item in shop.client("s3").list_buckets()["Buckets"]]
    assert BUCKET not in names
    groups = sagemaker.list_feature_groups()["FeatureGroupSummaries"]
    assert [item["FeatureGroupName"] for item in groups] == [other]
