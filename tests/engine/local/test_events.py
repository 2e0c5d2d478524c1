"""Events: patterns, targets, and what SageMaker announces."""

import json
import uuid
from typing import Any

import pytest
from sagemaker_gitops.local.events.patterns import matches_pattern
from sagemaker_gitops.local.server.context import Refusal
from tests.engine.local.harness import Inbox, LocalAws, collected

EVENT = {"source": "my.drift", "detail": {"psi": 0.31, "feature": "income", "tags": ["a", "b"], "note": None}}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ({"source": ["my.drift"]}, True),
        ({"source": ["other", "my.drift"], "detail": {"feature": ["income"]}}, True),
        ({"detail": {"feature": ["age"]}}, False),
        ({"detail": {"absent": ["x"]}}, False),
        ({"detail": {"tags": ["b"]}}, True),
        ({"source": [{"prefix": "my."}]}, True),
        ({"source": [{"suffix": ".drift"}]}, True),
        ({"source": [{"equals-ignore-case": "MY.DRIFT"}]}, True),
        ({"source": [{"prefix": {"equals-ignore-case": "MY."}}]}, True),
        ({"source": [{"wildcard": "m*.dr*t"}]}, True),
        ({"source": [{"anything-but": ["my.drift"]}]}, False),
        ({"source": [{"anything-but": {"prefix": "aws."}}]}, True),
        ({"detail": {"psi": [{"numeric": [">", 0.2, "<=", 0.31]}]}}, True),
        ({"detail": {"psi": [{"numeric": [">", 0.31]}]}}, False),
        ({"detail": {"psi": [{"exists": True}], "absent": [{"exists": False}]}}, True),
        ({"detail": {"note": [None]}}, True),
        ({"$or": [{"source": ["x"]}, {"detail": {"feature": ["income"]}}]}, True),
        ({"$or": [{"source": ["x"]}, {"source": ["y"]}]}, False),
    ],
)
def test_patterns(pattern: dict[str, Any], expected: bool) -> None:
    """EventBridge's matchers."""
    assert matches_pattern(pattern, EVENT) is expected


@pytest.mark.parametrize("rule", ["text", [{"sounds-like": "x"}], [{"prefix": "a", "suffix": "b"}]])
def test_bad_patterns_are_refused(rule: object) -> None:
    """A pattern that EventBridge would not take."""
    with pytest.raises(Refusal, match="not valid"):
        matches_pattern({"source": rule}, EVENT)


@pytest.fixture
def queue(aws: LocalAws) -> tuple[str, Inbox]:
    """Return the ARN of a queue, and a function that takes its messages."""
    sqs = aws.client("sqs")
    url = sqs.create_queue(QueueName=f"events-{uuid.uuid4().hex[:8]}")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def taken() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(message["Body"]) for message in found]

    return arn, taken


def rule(aws: LocalAws, pattern: dict[str, Any], arn: str, **target: Any) -> None:
    """Send what matches a pattern to a target."""
    name = f"rule-{uuid.uuid4().hex[:8]}"
    aws.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    aws.client("events").put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn, **target}])


def test_an_endpoint_announces_its_states(aws: LocalAws, queue: tuple[str, Inbox]) -> None:
    """States come in EventBridge's spelling, in order."""
    arn, taken = queue
    rule(aws, {"source": ["aws.sagemaker"], "detail-type": ["SageMaker Endpoint State Change"]}, arn)

    name = aws.endpoint(aws.config(aws.model()))

    events = [e for e in collected(taken, 2) if e["detail"]["EndpointName"] == name]
    assert [e["detail"]["EndpointStatus"] for e in events] == ["CREATING", "IN_SERVICE"]
    assert events[0]["resources"] == [f"arn:aws:sagemaker:us-east-1:123456789012:endpoint/{name}"]


def test_a_job_announces_its_end(aws: LocalAws, queue: tuple[str, Inbox]) -> None:
    """A rule on Failed hears of the failure and its reason."""
    arn, taken = queue
    pattern = {"detail-type": ["SageMaker Training Job State Change"], "detail": {"TrainingJobStatus": ["Failed"]}}
    rule(aws, pattern, arn)

    job = aws.train(HyperParameters={"fail": "no luck"})

    detail = collected(taken, 1)[0]["detail"]
    assert detail["TrainingJobName"] == job
    assert "no luck" in detail["FailureReason"]


def test_own_events_reach_topics_as_the_rule_words_them(aws: LocalAws, queue: tuple[str, Inbox]) -> None:
    """An SNS target gets the transformed input."""
    arn, taken = queue
    sns = aws.client("sns")
    topic = sns.create_topic(Name=f"page-{uuid.uuid4().hex[:8]}")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    transformer = {
        "InputPathsMap": {"feature": "$.detail.feature", "first": "$.detail.tags[0]"},
        "InputTemplate": '{"text": "drift of <feature>", "tag": "<first>"}',
    }
    rule(aws, {"source": ["my.drift"]}, topic, InputTransformer=transformer)
    entry = {"Source": "my.drift", "DetailType": "Drift", "Detail": json.dumps(EVENT["detail"])}

    answer = aws.client("events").put_events(Entries=[entry])

    assert answer["FailedEntryCount"] == 0
    assert collected(taken, 1) == [{"text": "drift of income", "tag": "a"}]


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"Source": "aws.sagemaker"}, "NotAuthorizedForSourceException"),
        ({"Detail": "{"}, "MalformedDetail"),
        ({"DetailType": ""}, "InvalidArgument"),
    ],
)
def test_bad_entries_fail_one_by_one(aws: LocalAws, changes: dict[str, str], code: str) -> None:
    """PutEvents answers for each entry."""
    good = {"Source": "my.own", "DetailType": "t", "Detail": "{}"}

    answer = aws.client("events").put_events(Entries=[good, {**good, **changes}])

    assert answer["FailedEntryCount"] == 1
    assert answer["Entries"][0]["EventId"]
    assert answer["Entries"][1]["ErrorCode"] == code


def test_tests_a_pattern(aws: LocalAws) -> None:
    """TestEventPattern answers."""
    answer = aws.client("events").test_event_pattern(EventPattern='{"source": ["my.drift"]}', Event=json.dumps(EVENT))

    assert answer["Result"] is True
