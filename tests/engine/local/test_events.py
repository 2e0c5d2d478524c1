"""Events: patterns, targets, and what SageMaker announces."""

import datetime as dt
import json
import uuid
from typing import Any

import pytest
from sagemaker_gitops.local.events.patterns import matches_pattern
from sagemaker_gitops.local.server.context import Refusal
from tests.engine.local.harness import ACCOUNT, Inbox, LocalAws, collected, eventually

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


def rule(aws: LocalAws, pattern: dict[str, Any], arn: str, **target: Any) -> str:
    """Send what matches a pattern to a target; return the rule's name."""
    name = f"rule-{uuid.uuid4().hex[:8]}"
    aws.client("events").put_rule(Name=name, EventPattern=json.dumps(pattern))
    aws.client("events").put_targets(Rule=name, Targets=[{"Id": "1", "Arn": arn, **target}])
    return name


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


def letting_in(aws: LocalAws, topic: str, condition: dict[str, Any] | None = None) -> str:
    """Let EventBridge publish to a topic, perhaps under a condition; return the topic."""
    own = {"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sns:Publish"}
    statement = {**own, "Resource": topic, **({"Condition": condition} if condition else {})}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    return topic


def encrypted(aws: LocalAws, topic: str, condition: dict[str, Any]) -> None:
    """Encrypt a topic with a key that lets EventBridge in under a condition."""
    own = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}, "Action": "kms:*", "Resource": "*"}
    theirs = {**own, "Principal": {"Service": "events.amazonaws.com"}, "Condition": condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [own, theirs]})
    key = aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["KeyId"]
    aws.client("sns").set_topic_attributes(TopicArn=topic, AttributeName="KmsMasterKeyId", AttributeValue=key)


FROM_HERE = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}


@pytest.mark.parametrize(
    ("topic_condition", "key_condition"), [(FROM_HERE, None), (None, FROM_HERE)], ids=["topic's policy", "key's policy"]
)
def test_topic_that_asks_eventbridge_for_its_account_gets_nothing(
    aws: LocalAws,
    queue: tuple[str, Inbox],
    topic_condition: dict[str, Any] | None,
    key_condition: dict[str, Any] | None,
) -> None:
    """EventBridge sends neither account nor rule to SNS and to its key; CloudWatch counts what failed."""
    arn, taken = queue
    name = f"page-{uuid.uuid4().hex[:8]}"
    topic = letting_in(aws, aws.client("sns").create_topic(Name=name)["TopicArn"], topic_condition)
    if key_condition:
        encrypted(aws, topic, key_condition)
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    started, source = dt.datetime.now(dt.UTC), f"my.{name}"
    paging = rule(aws, {"source": [source]}, topic)
    aws.client("events").put_events(Entries=[{"Source": source, "DetailType": "Drift", "Detail": "{}"}])

    def failed() -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Events",
            MetricName="FailedInvocations",
            Dimensions=[{"Name": "RuleName", "Value": paging}],
            StartTime=started - dt.timedelta(minutes=1),
            EndTime=dt.datetime.now(dt.UTC) + dt.timedelta(minutes=1),
            Period=300,
            Statistics=["Sum"],
        )["Datapoints"]
        return found

    assert eventually(failed, bool)[0]["Sum"] == 1
    assert taken() == []


def test_topic_whose_key_names_the_topic_is_published_to(aws: LocalAws, queue: tuple[str, Inbox]) -> None:
    """The encryption context is what a key's policy can hold EventBridge to."""
    arn, taken = queue
    name = f"page-{uuid.uuid4().hex[:8]}"
    topic = letting_in(aws, aws.client("sns").create_topic(Name=name)["TopicArn"])
    encrypted(aws, topic, {"ArnEquals": {"kms:EncryptionContext:aws:sns:topicArn": topic}})
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    rule(aws, {"source": [f"my.{name}"]}, topic)

    aws.client("events").put_events(Entries=[{"Source": f"my.{name}", "DetailType": "Drift", "Detail": "{}"}])

    assert collected(taken, 1)[0]["source"] == f"my.{name}"


def test_own_events_reach_topics_as_the_rule_words_them(aws: LocalAws, queue: tuple[str, Inbox]) -> None:
    """An SNS target gets the transformed input."""
    arn, taken = queue
    sns = aws.client("sns")
    topic = letting_in(aws, sns.create_topic(Name=f"page-{uuid.uuid4().hex[:8]}")["TopicArn"])
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
