"""Live traffic drifts, the monitor finds it, and GitHub hears of what the policy asks for; one story, in order."""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from tests.engine.conftest import PROJECT
from tests.engine.github.stand_in import GitHub
from tests.engine.local.harness import collected, eventually
from tests.engine.stages.conftest import Laptop, Told, started
from tests.sample import ROOT

ENDPOINT = "loan-approval-dev"
BUCKET = "loan-approval-capture-dev-111111111111"
EVENT = json.loads((ROOT / "monitoring/event.schema.json").read_text())
POLICY = {"drift": ["page", "retrain"], "quality": ["page", "rollback"], "cooldown_minutes": 0, "maximum_per_day": 24}
ROWS = 600

Row = Mapping[str, object]
Change = Callable[[int, Row], Row]


@dataclass(frozen=True, kw_only=True)
class Watched:
    """An endpoint whose monitor may start workflows, those who ask it, and those who hear of it."""

    laptop: Laptop
    github: GitHub
    rows: Sequence[Row]
    numbers: "count[int]"

    def ask(self, change: Change = lambda _, row: row) -> tuple[str, list[str]]:
        """Ask about many real applicants, each changed; return the window and the ids of the calls."""
        client, batch = self.laptop.client("sagemaker-runtime"), next(self.numbers)
        asked = [(f"call-{batch}-{place}", change(place, self.rows[place % len(self.rows)])) for place in range(ROWS)]

        def send(call: tuple[str, Row]) -> None:
            body = json.dumps({"instances": [call[1]]})
            named = {"EndpointName": ENDPOINT, "ContentType": "application/json", "InferenceId": call[0]}
            client.invoke_endpoint(Body=body, **named)

        began = datetime.now(UTC)
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(send, asked))
        end = datetime.now(UTC) + timedelta(seconds=1)
        eventually(self._captured, lambda names: any(f"call-{batch}-{ROWS - 1}" in text for text in names))
        return f"{began:%Y-%m-%dT%H:%M:%S}/{end:%Y-%m-%dT%H:%M:%S}", [name for name, _ in asked]

    def _captured(self) -> list[str]:
        s3 = self.laptop.client("s3")
        found = s3.list_objects_v2(Bucket=BUCKET, Prefix=f"{ENDPOINT}/").get("Contents", [])
        newest = sorted(found, key=lambda item: item["LastModified"])[-2:]
        return [s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read().decode() for item in newest]

    def monitor(self, window: str) -> Told:
        """Judge a window."""
        return self.laptop.run("monitor", "--env", "dev", "--window", window)

    def heard(self) -> dict[str, Any]:
        """Receive the next event of the monitor, whole and as its schema has it."""
        sqs = self.laptop.client("sqs")

        def taken() -> list[dict[str, Any]]:
            found = sqs.receive_message(QueueUrl=_queue(self.laptop)).get("Messages", [])
            for message in found:
                sqs.delete_message(QueueUrl=_queue(self.laptop), ReceiptHandle=message["ReceiptHandle"])
            return [json.loads(message["Body"]) for message in found]

        (event,) = collected(taken, 1)
        jsonschema.validate(event["detail"], EVENT, format_checker=jsonschema.FormatChecker())
        detail: dict[str, Any] = event["detail"]
        return detail

    def dispatched(self, number: int) -> dict[str, Any]:
        """Return the payload of the dispatch of that number, once GitHub has it."""
        told = eventually(lambda: self.github.state.dispatches, lambda dispatches: len(dispatches) >= number)
        assert len(told) == number
        assert told[-1]["event_type"] == "model-drift"
        payload: dict[str, Any] = told[-1]["client_payload"]
        return payload

    @property
    def serving(self) -> str:
        """The version that answers."""
        variants = self.laptop.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)["ProductionVariants"]
        (name,) = (item["VariantName"] for item in variants if item["CurrentWeight"])
        return str(name).split("-")[0]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """Serve a second release, and play GitHub."""
    github = GitHub()
    with started(tmp_path_factory.mktemp("monitored") / "project") as laptop:
        for trees in ("150", "151"):
            laptop.set_hyperparameters(n_estimators=trees)
            told = [laptop.run(stage, "--env", "dev") for stage in ("train", "test", "register")]
            told.append(laptop.run("deploy", "--env", "dev", "--version", told[-1].outputs["version"]))
            assert [one.exit_code for one in told] == [0, 0, 0, 0], told[-1].stderr
        assert laptop.run("local", "stand-in", "api.github.com", github.url).exit_code == 0
        _listen(laptop)
        yield Watched(laptop=laptop, github=github, rows=_rows(laptop), numbers=count())
    github.close()


def _rows(laptop: Laptop) -> list[dict[str, object]]:
    features = json.loads((laptop.root / "model/config/schema.json").read_text())["features"]
    kinds = {item["name"]: float if item["type"] == "number" else str for item in features}
    with (laptop.root / "data/hmda.csv").open() as file:
        every = list(csv.DictReader(file))
    # The data set is sorted by nothing that matters, but a part of it is not the whole.
    return [{name: kind(row[name]) for name, kind in kinds.items()} for row in (every[::3] + every[1::3])]


def _truth(laptop: Laptop) -> list[str]:
    with (laptop.root / "data/hmda.csv").open() as file:
        every = [row["deny"] for row in csv.DictReader(file)]
    return every[::3] + every[1::3]


def _queue(laptop: Laptop) -> str:
    url: str = laptop.client("sqs").create_queue(QueueName="heard")["QueueUrl"]
    return url


def _listen(laptop: Laptop) -> None:
    attributes = laptop.client("sqs").get_queue_attributes(QueueUrl=_queue(laptop), AttributeNames=["QueueArn"])
    events = laptop.client("events")
    events.put_rule(Name="heard", EventPattern=json.dumps({"source": ["pipeline.monitor"]}))
    events.put_targets(Rule="heard", Targets=[{"Id": "1", "Arn": attributes["Attributes"]["QueueArn"]}])


def _configure(laptop: Laptop, secret: str, token: str) -> None:
    """Let the policy start workflows with a token, as docs/setup.md says."""
    laptop.client("secretsmanager").create_secret(Name=secret, SecretString=token)
    path = laptop.root / "infra/config/dev.json"
    document = json.loads(path.read_text())
    document["monitor"]["policy"] = {**POLICY, "dispatch_secret": secret}
    path.write_text(json.dumps(document))
    told = laptop.run("bootstrap", "aws", "--env", "dev", "--yes")
    assert told.exit_code == 0, told.stderr


def shifted_ratio(_place: int, row: Row) -> Row:
    """Let applicants pay a third more of their income."""
    return {**row, "pirat": 1.33 * float(str(row["pirat"]))}


def new_category(place: int, row: Row) -> Row:
    """Let a tenth of the applicants have a credit history of a kind that training never saw."""
    return {**row, "chist": "7"} if place % 10 == 0 else row


def broken_unit(_place: int, row: Row) -> Row:
    """Let an upstream system send a fraction for percent: no limit of the schema is broken."""
    return {**row, "unemp": 0.01 * float(str(row["unemp"]))}


def test_token_that_github_does_not_take_leaves_a_letter(watched: Watched) -> None:
    """The event is kept in the queue with GitHub's answer, and nothing is started."""
    _configure(watched.laptop, "github-expired", "expired")
    window, _ = watched.ask(shifted_ratio)

    told = watched.monitor(window)

    assert told.exit_code == 40, told.stderr
    assert watched.heard()["reactions"] == ["page", "retrain"]
    sqs = watched.laptop.client("sqs")
    url = sqs.get_queue_url(QueueName="loan-approval-undelivered-dev")["QueueUrl"]
    (letter,) = collected(
        lambda: sqs.receive_message(QueueUrl=url, MessageAttributeNames=["All"]).get("Messages", []), 1
    )
    assert "Bad credentials" in letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert watched.github.state.dispatches == []


def test_undrifted_traffic_starts_nothing(watched: Watched) -> None:
    """Real applicants are no alarm: the event says ok, and GitHub does not hear of it."""
    _configure(watched.laptop, "github-token", "valid")
    window, _ = watched.ask()

    told = watched.monitor(window)

    assert told.exit_code == 0, told.stderr
    assert (watched.heard()["outcome"], watched.github.state.dispatches) == ("ok", [])


@pytest.mark.parametrize(
    ("number", "change", "feature"),
    [(1, shifted_ratio, "pirat"), (2, new_category, "chist"), (3, broken_unit, "unemp")],
    ids=["shifted ratio", "new category", "broken unit"],
)
def test_drift_asks_for_a_training(watched: Watched, number: int, change: Change, feature: str) -> None:
    """It is found at its feature, and GitHub is asked once, with the version to beat."""
    window, _ = watched.ask(change)

    told = watched.monitor(window)

    assert told.exit_code == 40, told.stderr
    detail = watched.heard()
    assert {item["feature"] for item in detail["violations"] if item["subject"] in {"drift", "data-quality"}} == {
        feature
    }
    payload = watched.dispatched(number)
    assert payload == {
        "environment": "dev",
        "reason": detail["reason"],
        "reactions": ["page", "retrain"],
        "champion": 2,
        "target": "previous",
    }


def test_quality_that_only_late_truth_shows_asks_for_a_rollback(watched: Watched) -> None:
    """Truth comes late, out of order, twice, and corrected once; what counts is the last word on each call."""
    window, calls = watched.ask()
    assert watched.monitor(window).exit_code == 0
    assert watched.heard()["reactions"] == []
    right = dict(zip(calls, _truth(watched.laptop) * 2, strict=False))
    wrong = {call: "no" if label == "yes" else "yes" for call, label in right.items()}
    lost = {call: (wrong if place % 3 == 0 else right)[call] for place, call in enumerate(calls)}
    backwards = dict(reversed(lost.items()))

    _label(watched.laptop, "first", right)
    assert watched.monitor(window).exit_code == 0
    assert watched.heard()["reactions"] == []
    _label(watched.laptop, "second", backwards)
    _label(watched.laptop, "third", backwards)
    told = watched.monitor(window)

    assert told.exit_code == 40, told.stderr
    detail = watched.heard()
    assert {item["subject"] for item in detail["violations"]} == {"quality"}
    record = json.loads((watched.laptop.root / "reports/monitor/run.json").read_text())
    assert record["quality"]["rows"] == len(calls)
    assert watched.dispatched(4)["reactions"] == ["page", "rollback"]


def _label(laptop: Laptop, name: str, labels: Mapping[str, str]) -> None:
    """Upload the truth about calls, a line each."""
    lines = [
        {"groundTruthData": {"data": label, "encoding": "CSV"}, "eventMetadata": {"eventId": call}, "eventVersion": "0"}
        for call, label in labels.items()
    ]
    key = f"ground-truth/{ENDPOINT}/{datetime.now(UTC):%Y/%m/%d/%H}/{name}.jsonl"
    body = "\n".join(map(json.dumps, lines)).encode()
    laptop.client("s3").put_object(Bucket=BUCKET, Key=key, Body=body)


def test_dispatch_rolls_back_once(watched: Watched) -> None:
    """The workflow's line with the payload's words gives the traffic back; delivered twice, it is refused."""
    payload = watched.dispatched(4)
    words = ["--env", payload["environment"], "--to", payload["target"], "--reason", payload["reason"], "--unattended"]

    first, second = (watched.laptop.run("rollback", *words) for _ in range(2))

    assert first.exit_code == 0, first.stderr
    assert "no earlier release that is known to be good" in second.stderr
    assert watched.serving == "v1"
    told = json.loads(watched.laptop.run("history", "--env", "dev").outputs["entries"])
    entries = [entry for entry in told if entry["action"] != "step"]
    assert [(entry["action"], entry["outcome"]) for entry in entries[:3]] == [
        ("refuse", "refused"),
        ("rollback", "promoted"),
        ("rollback", "started"),
    ]
    assert payload["reason"] in entries[1]["reason"]
    assert watched.laptop.run("verify-ledger", "--env", "dev").exit_code == 0


def test_alarm_of_the_variant_that_serves_reaches_github(watched: Watched) -> None:
    """Errors are dispatched by their own type, with the alarm's name and what it says."""
    cloudwatch = watched.laptop.client("cloudwatch")
    names = [item["AlarmName"] for item in cloudwatch.describe_alarms()["MetricAlarms"]]
    (alarm,) = (name for name in names if "-v1-" in name and name.endswith("-errors"))

    cloudwatch.set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason='one in "ten" fails')

    told = eventually(lambda: watched.github.state.dispatches, lambda dispatches: len(dispatches) == 5)
    assert told[-1]["event_type"] == "model-alarm"
    payload = {"environment": "dev", "alarm": alarm, "reason": 'one in "ten" fails', "target": "previous"}
    assert told[-1]["client_payload"] == payload
    assert PROJECT["github"]["owner"] in watched.github.state.name  # type: ignore[index]
