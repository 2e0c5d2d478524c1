"""Captured traffic: read from S3, told apart from our own requests, and compared between variants."""

import base64
import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws
from sagemaker_gitops.aws.captures import Captures, Event
from sagemaker_gitops.aws.invocations import VERIFICATION_PREFIX
from sagemaker_gitops.release.evidence import agreement, answers

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

NOON = datetime(2026, 1, 1, 12, 0, 30, tzinfo=UTC)
BUCKET, ENDPOINT = "loans-capture", "loans-prod"


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator["S3Client"]:
    """Make a capture bucket in moto."""
    for name, value in {"AWS_ACCESS_KEY_ID": "test", "AWS_SECRET_ACCESS_KEY": "test"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        yield client


def line(inference_id: str, time: datetime, label: str, *, encoding: str = "JSON", row: int = 0) -> str:
    """Write one captured request as SageMaker does."""
    answer = json.dumps({"predictions": [{"label": label, "probability": 0.25}], "model_version": "1"})
    data = base64.b64encode(answer.encode()).decode() if encoding == "BASE64" else answer
    event = {
        "captureData": {
            "endpointInput": {"observedContentType": "application/json", "data": str(row), "encoding": "JSON"},
            "endpointOutput": {"observedContentType": "application/json", "data": data, "encoding": encoding},
        },
        "eventMetadata": {
            "eventId": f"event-{inference_id}",
            "inferenceTime": time.strftime("%Y-%m-%dT%H:%M:%SZ"),
            **({"inferenceId": inference_id} if inference_id else {}),
        },
        "eventVersion": "0",
    }
    return json.dumps(event)


def put(s3: "S3Client", variant: str, time: datetime, *lines: str) -> None:
    """Write one capture file."""
    key = f"{ENDPOINT}/{variant}/{time:%Y/%m/%d/%H}/{time:%M-%S}-{len(lines)}.jsonl"
    s3.put_object(Bucket=BUCKET, Key=key, Body="\n".join(lines).encode())


def test_events_since_a_moment_are_read_across_hours(s3: "S3Client") -> None:
    """Neither the turn of an hour nor the encoding hides an event, and older ones stay out."""
    earlier = NOON - timedelta(hours=1)
    put(s3, "v1", earlier, line("old", earlier, "no"), line("a", earlier + timedelta(minutes=50), "no"))
    put(s3, "v1", NOON, line("b", NOON, "yes", encoding="BASE64"))
    put(s3, "v2", NOON, line("c", NOON, "yes"))

    events = Captures(s3, bucket=BUCKET).events(
        ENDPOINT, "v1", since=earlier + timedelta(minutes=40), until=NOON + timedelta(minutes=1), limit=100
    )

    assert [event.inference_id for event in events] == ["b", "a"]
    assert answers(events).labels == {"yes": 1, "no": 1}


def test_files_from_before_the_moment_are_not_even_read(s3: "S3Client") -> None:
    """A check late in a busy hour costs no more than one at its beginning."""
    now = datetime.now(UTC)
    put(s3, "v1", now, line("old", now, "no"))
    read: list[str] = []
    s3.meta.events.register("before-call.s3.GetObject", lambda **_: read.append("file"))
    captures = Captures(s3, bucket=BUCKET)

    captures.events(ENDPOINT, "v1", since=now + timedelta(seconds=5), until=now + timedelta(seconds=5), limit=10)
    assert read == []

    captures.events(ENDPOINT, "v1", since=now, until=now, limit=10)
    assert read == ["file"]


def test_newest_events_are_kept_when_there_are_too_many(s3: "S3Client") -> None:
    """A busy endpoint is judged by a bounded number of its newest answers."""
    put(s3, "v1", NOON, *(line(str(n), NOON, "no") for n in range(50)))

    events = Captures(s3, bucket=BUCKET).events(ENDPOINT, "v1", since=NOON, until=NOON, limit=20)

    assert len(events) == 20


def test_prediction_is_found_by_its_inference_id(s3: "S3Client") -> None:
    """Whatever variant answered, the id leads to the event."""
    put(s3, "v1", NOON, line("a", NOON, "no"))
    put(s3, "v2", NOON, line("b", NOON, "yes"))
    captures = Captures(s3, bucket=BUCKET)

    event = captures.find(ENDPOINT, "b", since=NOON - timedelta(hours=2), until=NOON)

    assert event is not None
    assert event.variant == "v2"
    assert captures.find(ENDPOINT, "z", since=NOON - timedelta(hours=2), until=NOON) is None


def test_own_requests_are_no_traffic(s3: "S3Client") -> None:
    """Verification of a candidate must not look like callers."""
    put(s3, "v1", NOON, line(f"{VERIFICATION_PREFIX}v1", NOON, "no"), line("a", NOON, "no"))

    events = Captures(s3, bucket=BUCKET).events(ENDPOINT, "v1", since=NOON, until=NOON, limit=10)

    assert answers(events).requests == 1


@pytest.mark.parametrize("named", [True, False], ids=["by id", "by content"])
def test_shadow_is_compared_with_its_champion_request_by_request(s3: "S3Client", named: bool) -> None:
    """A mirrored request is recognised by the caller's id, and by its content where there is none."""
    said = ["no", "no", "yes", "no"]
    shadow = ["no", "yes", "yes", "no"]
    for variant, labels in (("champion", said), ("shadow", shadow)):
        lines = (line(str(n) if named else "", NOON, label, row=n) for n, label in enumerate(labels))
        put(s3, variant, NOON, *lines)
    captures = Captures(s3, bucket=BUCKET)

    both = [captures.events(ENDPOINT, name, since=NOON, until=NOON, limit=10) for name in ("shadow", "champion")]

    assert agreement(*both).rows == 4
    assert agreement(*both).rate == 0.75


def event(answered: str, *, form: str = "application/json", inference_id: str = "a", variant: str = "v1") -> Event:
    """Make a captured event as the reader of captures returns it."""
    return Event(
        event_id=f"event-{inference_id}",
        inference_id=inference_id,
        variant=variant,
        time=NOON,
        asked="1",
        answered=answered,
        answer_type=form,
        attributes="",
        uri="s3://x",
    )


@pytest.mark.parametrize(
    ("form", "answered"),
    [
        (
            "application/json",
            '{"predictions": [{"label": "a, b", "probabilities": {"a, b": 0.7, "c": 0.2, "d": 0.1}}]}',
        ),
        ("text/csv", '"a, b",0.7,0.2,0.1\n'),
    ],
)
def test_answer_of_three_classes_gives_its_label_and_the_probability_of_it(form: str, answered: str) -> None:
    """A label may hold a comma, and the probability is that of the label given."""
    found = answers([event(answered, form=form)])

    assert (found.labels, found.probabilities, found.values, found.missing) == ({"a, b": 1}, (0.7,), (), {})


@pytest.mark.parametrize(
    ("form", "answered"),
    [("application/json", '{"predictions": [{"value": 12.5}, {"value": -3}]}'), ("text/csv", "12.5\n-3.0\n")],
)
def test_answer_of_a_regression_gives_values(form: str, answered: str) -> None:
    """It has no labels, and each row counts."""
    found = answers([event(answered, form=form)])

    assert (found.labels, found.values, found.rows) == ({}, (12.5, -3.0), 2)


@pytest.mark.parametrize(
    ("form", "answered", "cause"),
    [
        ("application/json", "", "empty"),
        ("application/json", "{", "unreadable"),
        ("text/csv", '"a', "unreadable"),
        ("application/json", '{"title": "too many rows"}', "in another form"),
        ("application/json", '{"predictions": [{"value": NaN}]}', "in another form"),
        ("application/json", '{"predictions": [{"label": "a", "probabilities": {"b": 1}}]}', "in another form"),
        ("text/csv", "a,b", "in another form"),
        ("application/json", '{"predictions": []}', "without rows"),
    ],
)
def test_answer_without_predictions_is_counted_by_its_cause(form: str, answered: str, cause: str) -> None:
    """It is a request all the same, and no other row is made of it."""
    found = answers([event(answered, form=form)])

    assert (found.requests, found.rows, found.missing) == (1, 0, {cause: 1})


def test_shadow_of_a_regression_agrees_within_a_tenth_of_the_spread() -> None:
    """Values are hardly ever the very same, and what differs by little says the same."""
    said = [event(f'{{"predictions": [{{"value": {value}}}]}}', inference_id=str(value)) for value in range(100)]
    near = [event(f'{{"predictions": [{{"value": {value + 2}}}]}}', inference_id=str(value)) for value in range(50)]
    far = [event(f'{{"predictions": [{{"value": {value + 9}}}]}}', inference_id=str(value)) for value in range(50, 100)]

    found = agreement([*near, *far], said)

    assert (found.rows, found.equal) == (100, 50)
