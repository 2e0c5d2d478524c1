"""The stage from captured objects to metrics, event and report, on S3, DynamoDB, CloudWatch and EventBridge."""

import json
import tarfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import jsonschema  # type: ignore[import-untyped]
import pytest
from moto import mock_aws
from sagemaker_gitops.aws.schedules import Schedules
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.cli.running import connect
from sagemaker_gitops.errors import ConfigurationError, DataInsufficient, DriftFound, MonitorBroken
from sagemaker_gitops.monitor.publish import NAMESPACE
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.ledger import GENESIS, Entry, Release, read
from sagemaker_gitops.stages import history, monitor, verify_ledger
from sagemaker_gitops.stages.result import StageResult
from tests.engine.drift.test_schedules import Client
from tests.engine.drift.worlds import END, FINGERPRINT, VARIANT, World, events, truth_lines
from tests.sample import ROOT

EVENT_SCHEMA = json.loads((ROOT / "monitoring/event.schema.json").read_text())


class Place:
    """A cloud with buckets, a ledger, a queue behind the event bus, and one release that serves."""

    def __init__(self, settings: Settings, aws: Aws, model: Path, folder: Path) -> None:
        self.settings, self.aws, self._folder = settings, aws, folder
        session = boto3.Session(region_name=settings.region)
        self.s3, self.cloudwatch = session.client("s3"), session.client("cloudwatch")
        self._dynamodb, self._sqs = session.client("dynamodb"), session.client("sqs")
        for bucket in (settings.capture_bucket, settings.artifact_bucket):
            self.s3.create_bucket(Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": settings.region})  # type: ignore[typeddict-item]
        self.s3.create_bucket(
            Bucket=settings.ledger_bucket,
            CreateBucketConfiguration={"LocationConstraint": settings.region},  # type: ignore[typeddict-item]
            ObjectLockEnabledForBucket=True,
        )
        self._dynamodb.create_table(
            TableName=settings.ledger_table,
            KeySchema=[
                {"AttributeName": "environment", "KeyType": "HASH"},
                {"AttributeName": "sequence", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "environment", "AttributeType": "S"},
                {"AttributeName": "sequence", "AttributeType": "N"},
            ],
            BillingMode="PAY_PER_REQUEST",
        )
        self._entries: list[Entry] = []
        self._queue(session)
        self.s3.upload_file(str(model), settings.artifact_bucket, "models/model.tar.gz")

    def serve(self, version: int, *, action: str = "deploy", fingerprint: str = FINGERPRINT) -> None:
        """Write into the ledger that a release came to serve."""
        uri = f"s3://{self.settings.artifact_bucket}/models/model.tar.gz"
        release = Release(
            version=version,
            fingerprint=fingerprint,
            commit="c0ffee1",
            data_version="d",
            package="arn",
            image="image",
            model_data=uri,
            model_sha256=self.aws.storage.sha256(uri),
            model=f"model-v{version}",
        )
        for outcome in ("started", "promoted"):
            self._write(release, action=action, outcome=outcome)

    def capture(self, lines: list[bytes], *, hour: str = "2026/11/23/01", name: str = "00-00.jsonl") -> None:
        """Put a capture file where SageMaker puts it."""
        key = f"{self.settings.endpoint_name}/{VARIANT}/{hour}/{name}"
        self.s3.put_object(Bucket=self.settings.capture_bucket, Key=key, Body=b"\n".join(lines))

    def label(self, lines: list[bytes], *, hour: str) -> None:
        """Upload ground truth."""
        key = f"ground-truth/{self.settings.endpoint_name}/{hour}/labels.jsonl"
        self.s3.put_object(Bucket=self.settings.capture_bucket, Key=key, Body=b"\n".join(lines))

    def watch(self, *, hours_later: float = 0, engine: monitor.Engine = "own") -> StageResult:
        """Run the stage."""
        now = END + timedelta(hours=hours_later)
        options = monitor.Options(
            progress=lambda _: None, now=now, folder=self._folder, actor="operator", engine=engine
        )
        return monitor.run(self.settings, self.aws, options)

    def decisions(self) -> list[Entry]:
        """Read what the monitor wrote into the ledger, which must be whole."""
        verified = verify_ledger.run(self.settings, self.aws, verify_ledger.Options())
        entries = read(self.aws.ledger)
        assert verified.outputs["entries"] == str(len(entries))
        return [entry for entry in entries if entry.action == "monitor"]

    def events(self) -> list[dict[str, Any]]:
        """Receive what the event bus delivered."""
        answer = self._sqs.receive_message(QueueUrl=self._queue_url, MaxNumberOfMessages=10)
        heard = [json.loads(message["Body"]) for message in answer.get("Messages", [])]
        for event in heard:
            jsonschema.validate(event["detail"], EVENT_SCHEMA, format_checker=jsonschema.FormatChecker())
        return heard

    def metric(self, name: str, feature: str | None = None) -> float | None:
        """Read the newest value of one of the monitor's metrics."""
        dimensions = [{"Name": "EndpointName", "Value": self.settings.endpoint_name}]
        if feature:
            dimensions.append({"Name": "Feature", "Value": feature})
        points = self.cloudwatch.get_metric_statistics(
            Namespace=NAMESPACE,
            MetricName=name,
            Dimensions=dimensions,  # type: ignore[arg-type]
            StartTime=END - timedelta(days=1),
            EndTime=END + timedelta(days=1),
            Period=60,
            Statistics=["Maximum"],
        )["Datapoints"]
        newest = sorted(points, key=lambda point: point["Timestamp"])
        return newest[-1]["Maximum"] if newest else None

    def report(self, name: str) -> bytes:
        """Read one of the newest run's files."""
        listed = self.s3.list_objects_v2(Bucket=self.settings.capture_bucket, Prefix="monitoring/")["Contents"]
        key = sorted(item["Key"] for item in listed if item["Key"].endswith(name))[-1]
        return self.s3.get_object(Bucket=self.settings.capture_bucket, Key=key)["Body"].read()

    def _write(self, release: Release, *, action: str, outcome: str) -> None:
        entry = Entry.model_validate(
            {
                "environment": self.settings.env,
                "sequence": len(self._entries) + 1,
                "action": action,
                "outcome": outcome,
                "release": release.model_dump(),
                "actor": "test",
                "started": END,
                "finished": END,
                "previous": self._entries[-1].hash if self._entries else GENESIS,
            }
        ).sealed()
        self._entries.append(entry)
        self.aws.ledger.append(entry.sequence, entry.text(), fence=None)
        self.aws.ledger.lock(entry.sequence, entry.text(), until=datetime.now(UTC) + timedelta(days=1))

    def _queue(self, session: boto3.Session) -> None:
        self._queue_url = self._sqs.create_queue(QueueName="heard")["QueueUrl"]
        arn = self._sqs.get_queue_attributes(QueueUrl=self._queue_url, AttributeNames=["QueueArn"])["Attributes"][
            "QueueArn"
        ]
        bus = session.client("events")
        pattern = json.dumps({"source": ["pipeline.monitor"], "detail-type": ["Monitoring Result"]})
        bus.put_rule(Name="monitor", EventPattern=pattern)
        bus.put_targets(Rule="monitor", Targets=[{"Id": "1", "Arn": arn}])


@pytest.fixture(scope="session")
def archive(model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pack the trained model as SageMaker does."""
    target = tmp_path_factory.mktemp("artifact") / "model.tar.gz"
    with tarfile.open(target, "w:gz") as tar:
        for path in sorted(model_dir.iterdir()):
            tar.add(path, arcname=path.name)
    return target


@pytest.fixture
def place(checkout: Path, archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Stand in prod, where nothing serves yet."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    with mock_aws():
        settings = Settings.load(checkout, "prod", {"PIPELINE__AWS__POLL_SECONDS": "1"})
        yield Place(settings, connect(settings), archive, tmp_path / "report")


def test_undrifted_traffic_ends_ok(place: Place, world: World) -> None:
    """The verdict reaches metrics, event bus, bucket and the local folder."""
    place.serve(3)
    sample = world.sample(1200, seed=0)
    place.capture(events(sample)[:700])
    place.capture(events(sample)[700:], hour="2026/11/23/03")

    result = place.watch()

    assert result.outputs["outcome"] == "ok"
    assert (place.metric("Runs"), place.metric("OutcomeOk"), place.metric("OutcomeDrift")) == (1, 1, 0)
    assert place.metric("Psi", "pirat") is not None
    (heard,) = place.events()
    assert (heard["detail"]["outcome"], heard["detail"]["rows"], heard["detail"]["reactions"]) == ("ok", 1200, [])
    assert b"currentColor" in place.report("report.html")
    assert json.loads(place.report("constraint_violations.json")) == {"violations": []}


def test_drift_is_an_error_with_its_evidence(place: Place, world: World) -> None:
    """Shifted incomes end with exit code 40, an event that names the feature, and Model Monitor's file."""
    place.serve(3)
    sample = world.sample(1200, seed=1)
    place.capture(events(sample.changed(pirat=sample.rows["pirat"] * 1.3)))

    with pytest.raises(DriftFound) as caught:
        place.watch()

    assert "pirat" in str(caught.value)
    assert "| drift | pirat |" in caught.value.summary
    (heard,) = place.events()
    assert heard["detail"]["reactions"] == ["page"]
    assert {item["feature"] for item in heard["detail"]["violations"]} == {"pirat"}
    violations = json.loads(place.report("constraint_violations.json"))["violations"]
    assert {item["constraint_check_type"] for item in violations} == {"baseline_drift_check"}
    assert place.metric("OutcomeDrift") == 1


def test_an_empty_window_is_insufficient(place: Place) -> None:
    """No captures at all is exit code 41, and heard."""
    place.serve(3)

    with pytest.raises(DataInsufficient, match="0 rows"):
        place.watch()

    assert place.metric("OutcomeInsufficientData") == 1
    assert place.events()[0]["detail"]["outcome"] == "insufficient-data"


def test_missing_hours_are_insufficient(place: Place, world: World) -> None:
    """Enough undrifted rows around a gap are exit code 41, and the summary names the hours that are unknown."""
    place.serve(3)
    for hour in (6, 11):
        start = END.replace(hour=hour)
        place.capture(events(world.sample(600, seed=hour), start=start), hour=f"{start:%Y/%m/%d/%H}")

    with pytest.raises(DataInsufficient, match="nothing was captured in 4 hours"):
        place.watch()

    heard = place.events()[0]["detail"]
    assert heard["outcome"] == "insufficient-data"
    assert b"Nothing was captured in 4 hours: 2026-11-23T07, " in place.report("summary.md")


def test_a_monitor_without_a_baseline_is_broken_aloud(place: Place) -> None:
    """Where nothing serves the run fails with exit code 42, and still rings."""
    with pytest.raises(MonitorBroken, match="no release serves"):
        place.watch()

    assert place.metric("OutcomeBroken") == 1
    assert place.events()[0]["detail"]["reactions"] == ["page"]
    assert [entry.reason.split(".")[0] for entry in place.decisions()] == ["page: the monitor is broken"]


def test_decisions_stand_in_the_history_and_change_nothing(place: Place, world: World) -> None:
    """Whoever reads the history sees what was decided and by whom; what serves is what served before."""
    place.serve(3)
    sample = world.sample(1200, seed=6)
    place.capture(events(sample.changed(pirat=sample.rows["pirat"] * 1.3)))

    with pytest.raises(DriftFound):
        place.watch()

    told = history.run(place.settings, place.aws, history.Options())
    assert told.outputs["serving"] == "3"
    assert "monitor decided" in told.summary
    assert "page: the data drifted. Evidence: " in told.summary
    assert "operator" in told.summary


def test_lost_quality_rolls_back_once(place: Place, world: World) -> None:
    """Late truth shows the loss; the first run decides to roll back, the next one cools down."""
    place.serve(2, fingerprint="0" * 64)
    place.serve(3)
    sample = world.sample(1000, seed=2)
    place.capture(events(sample, start=END - timedelta(hours=90)), hour="2026/11/19/18")
    place.capture(events(world.sample(1000, seed=3)))
    place.label(truth_lines(sample, flip=0.35)[::-1], hour="2026/11/23/10")

    for hours in (0, 1):
        with pytest.raises(DriftFound):
            place.watch(hours_later=hours)

    first, second = (event["detail"] for event in place.events())
    assert first["reactions"] == ["page", "rollback"]
    assert second["reactions"] == ["page"]
    assert "cools down" in second["withheld"][0]
    written = place.decisions()
    assert [entry.outcome for entry in written] == ["decided", "decided", "decided", "withheld"]
    assert [entry.reason.split(":")[0] for entry in written] == ["page", "rollback", "page", "rollback"]
    assert "cools down" in written[-1].reason
    assert first["reason"] in written[1].reason
    assert first["report"] in written[1].reason


def test_below_a_rollback_there_is_nothing_known(place: Place, world: World) -> None:
    """A release that was rolled back to is the last known good one."""
    place.serve(2, fingerprint="0" * 64)
    place.serve(4, fingerprint="1" * 64)
    place.serve(3, action="rollback")
    sample = world.sample(1000, seed=4)
    place.capture(events(sample))
    place.label(truth_lines(sample, flip=0.35), hour="2026/11/23/10")

    with pytest.raises(DriftFound):
        place.watch()

    assert place.events()[0]["detail"]["reactions"] == ["page"]
    assert "no earlier release that is known to be good" in place.decisions()[-1].reason


def test_an_unreadable_object_is_reported(place: Place, world: World) -> None:
    """A capture file full of noise makes the monitor broken when it is most of what there is."""
    place.serve(3)
    place.capture(events(world.sample(600, seed=5)))
    place.capture([b"\x00\xff garbage"] * 600, name="01-00.jsonl")

    with pytest.raises(MonitorBroken, match="600 of 1200"):
        place.watch()


def test_model_monitor_watches_by_the_files_of_the_release(place: Place, world: World) -> None:
    """The opt-in engine hands AWS the release's own statistics and constraints, and creates its schedule once."""
    place.serve(3)
    client: Any = Client()
    place.aws.__dict__["schedules"] = Schedules(client)
    settings = Settings.load(
        place.settings.root, "prod", {"PIPELINE__MONITOR__MODEL_MONITOR_IMAGE": f"{'1' * 12}.dkr.ecr/analyzer"}
    )
    place.settings = settings

    first, second = (place.watch(engine="model-monitor") for _ in range(2))

    assert "is created" in first.summary
    assert "now compares" in second.summary
    for name in ("statistics.json", "constraints.json"):
        assert place.report(f"{FINGERPRINT[:8]}/{name}") == world.files[name]


def test_model_monitor_without_its_image_is_refused(place: Place) -> None:
    """The image differs from region to region, so nobody guesses it."""
    place.serve(3)

    with pytest.raises(ConfigurationError, match="analyzer image"):
        place.watch(engine="model-monitor")
