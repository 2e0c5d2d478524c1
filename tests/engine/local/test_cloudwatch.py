"""CloudWatch through boto3: data in, statistics out, alarms that mean it."""

import datetime as dt
import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import cbor2
import pytest
import urllib3
from tests.engine.local.harness import REGION, LocalAws, collected, eventually, refused


@pytest.fixture
def namespace() -> str:
    """Return a namespace that no other test uses."""
    return f"Drift/{uuid.uuid4().hex[:8]}"


def put(aws: LocalAws, namespace: str, *values: float, name: str = "psi", **more: Any) -> None:
    """Put values of one metric at this moment."""
    data = {"MetricName": name, "Values": list(values), "Dimensions": [{"Name": "Feature", "Value": "income"}], **more}
    aws.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=[data])


def query(namespace: str, statistic: str, name: str = "psi") -> dict[str, Any]:
    """Return a GetMetricData query."""
    metric = {"Namespace": namespace, "MetricName": name, "Dimensions": [{"Name": "Feature", "Value": "income"}]}
    return {"MetricStat": {"Metric": metric, "Period": 3600, "Stat": statistic}}


def span() -> dict[str, dt.datetime]:
    """Return the last minute and the next."""
    now = dt.datetime.now(dt.UTC)
    return {"StartTime": now - dt.timedelta(minutes=1), "EndTime": now + dt.timedelta(minutes=1)}


def test_percentiles_and_math(aws: LocalAws, namespace: str) -> None:
    """GetMetricData gives percentiles and expressions."""
    put(aws, namespace, *range(1, 101))
    queries = [
        {"Id": "p", **query(namespace, "p90")},
        {"Id": "n", "ReturnData": False, **query(namespace, "SampleCount")},
        {"Id": "half", "Expression": "n / 2", "Label": "half of them"},
    ]

    answered = aws.client("cloudwatch").get_metric_data(MetricDataQueries=queries, **span())["MetricDataResults"]

    assert [(r["Id"], r["Label"], r["Values"]) for r in answered] == [
        ("p", "psi", [90.0]),
        ("half", "half of them", [50.0]),
    ]


def test_statistics_count_only_what_lies_between(aws: LocalAws, namespace: str) -> None:
    """A sample before the start does not count, though it lies in the same period."""
    put(aws, namespace, 5.0)
    time.sleep(0.01)
    start = dt.datetime.now(dt.UTC)
    put(aws, namespace, 7.0)

    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace,
        MetricName="psi",
        Dimensions=[{"Name": "Feature", "Value": "income"}],
        StartTime=start,
        EndTime=start + dt.timedelta(minutes=1),
        Period=3600,
        Statistics=["Sum", "SampleCount"],
    )["Datapoints"]

    assert [(p["Sum"], p["SampleCount"]) for p in points] == [(7.0, 1.0)]


@pytest.mark.parametrize("count", [2, 4])
def test_statistic_sets_keep_their_sums(aws: LocalAws, namespace: str, count: int) -> None:
    """A statistic set keeps count, sum, minimum and maximum, and knows no percentile."""
    given = {"SampleCount": count, "Sum": 20.0, "Minimum": 1.0, "Maximum": 19.0}
    data = [{"MetricName": "psi", "StatisticValues": given}]
    aws.client("cloudwatch").put_metric_data(Namespace=namespace, MetricData=data)

    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace=namespace, MetricName="psi", Period=3600, Statistics=list(given), **span()
    )["Datapoints"]

    assert {name: points[0][name] for name in given} == given
    percentile = {"MetricDataQueries": [{"Id": "p", "MetricStat": {**stat_of(namespace), "Stat": "p50"}}], **span()}
    assert refused(aws.client("cloudwatch").get_metric_data, **percentile)[0] == "NotImplementedByLocalAWS"


def stat_of(namespace: str) -> dict[str, Any]:
    """Return what asks for a metric without dimensions."""
    return {"Metric": {"Namespace": namespace, "MetricName": "psi"}, "Period": 3600}


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({}, "MissingParameter"),
        ({"Value": 1.0, "StorageResolution": 5}, "InvalidParameterValue"),
        ({"Value": 1.0, "Timestamp": dt.datetime.now(dt.UTC) - dt.timedelta(days=15)}, "InvalidParameterValue"),
        ({"Value": 1.0, "Timestamp": dt.datetime.now(dt.UTC) + dt.timedelta(hours=3)}, "InvalidParameterValue"),
        ({"Value": 2.0**361}, "InvalidParameterValue"),
        ({"Values": [float(value) for value in range(151)]}, "InvalidParameterValue"),
        (
            {"StatisticValues": {"SampleCount": 0.0, "Sum": 0.0, "Minimum": 0.0, "Maximum": 0.0}},
            "InvalidParameterValue",
        ),
    ],
)
def test_data_that_cloudwatch_refuses(aws: LocalAws, namespace: str, data: dict[str, Any], code: str) -> None:
    """Nothing said, ages, resolutions, magnitudes, too many values, sets of no samples."""
    one = {"MetricName": "psi", **data}

    assert refused(aws.client("cloudwatch").put_metric_data, Namespace=namespace, MetricData=[one])[0] == code


def test_lists_metrics(aws: LocalAws, namespace: str) -> None:
    """ListMetrics finds by namespace, name and dimension."""
    put(aws, namespace, 1.0)
    put(aws, namespace, 1.0, name="missing")

    found = aws.client("cloudwatch").list_metrics(
        Namespace=namespace, MetricName="psi", Dimensions=[{"Name": "Feature", "Value": "income"}]
    )["Metrics"]

    assert [metric["MetricName"] for metric in found] == ["psi"]


def test_refuses_what_aws_refuses(aws: LocalAws, namespace: str) -> None:
    """AWS's own namespaces, odd periods, turned spans, unknown statistics, equal ids, too many points."""
    client, one = aws.client("cloudwatch"), {"Id": "a", **query(namespace, "Sum")}
    odd = {"Id": "a", "MetricStat": {**one["MetricStat"], "Period": 45}}
    turned = dict(zip(("StartTime", "EndTime"), reversed(list(span().values())), strict=True))
    long = {**span(), "StartTime": dt.datetime.now(dt.UTC) - dt.timedelta(days=3)}
    statistics = {"Namespace": namespace, "MetricName": "psi", "Period": 60}

    assert refused(put, aws=aws, namespace="AWS/SageMaker")[0] == "InvalidParameterValue"
    assert refused(client.get_metric_data, MetricDataQueries=[odd], **span())[0] == "InvalidParameterValue"
    assert refused(client.get_metric_data, MetricDataQueries=[one], **turned)[0] == "ValidationError"
    assert refused(client.get_metric_data, MetricDataQueries=[one, one], **span())[0] == "ValidationError"
    assert refused(client.get_metric_statistics, **statistics, **span())[0] == "InvalidParameterCombination"
    assert "limit" in refused(client.get_metric_statistics, Statistics=["Sum"], **statistics, **long)[1]
    unknown = refused(client.get_metric_statistics, ExtendedStatistics=["tm90"], **statistics, **span())
    assert unknown[0] == "InvalidParameterValue"


def test_speaks_cbor(aws: LocalAws, namespace: str) -> None:
    """Smithy RPC v2 CBOR, timestamps as tagged epoch seconds, errors with their type."""
    put(aws, namespace, 4.0)
    path = f"{aws.running.endpoint_url}/service/GraniteServiceVersion20100801/operation/GetMetricStatistics"
    scope = f"Credential=local/20261123/{REGION}/monitoring/aws4_request"
    headers = {"smithy-protocol": "rpc-v2-cbor", "Authorization": f"AWS4-HMAC-SHA256 {scope}"}
    dimensions = [{"Name": "Feature", "Value": "income"}]
    request = {"Namespace": namespace, "MetricName": "psi", "Dimensions": dimensions, "Period": 60, **span()}

    def send(document: dict[str, Any]) -> tuple[int, Any]:
        body = cbor2.dumps(document, datetime_as_timestamp=True)
        answer = urllib3.request("POST", path, body=body, headers=headers)
        return answer.status, cbor2.loads(answer.data)

    good, bad = send({**request, "Statistics": ["Sum"]}), send(request)

    assert good[1]["Datapoints"][0]["Sum"] == 4.0
    assert isinstance(good[1]["Datapoints"][0]["Timestamp"], dt.datetime)
    assert bad[0] == 400
    assert bad[1]["__type"] == "InvalidParameterCombination"


@pytest.fixture
def inbox(aws: LocalAws) -> Iterator[tuple[str, Any]]:
    """Return a topic, and a function that takes the messages which came to it."""
    name = f"alarms-{uuid.uuid4().hex[:8]}"
    sqs, topic = aws.client("sqs"), aws.client("sns").create_topic(Name=name)["TopicArn"]
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    aws.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)

    def taken() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages", [])
        for message in found:
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return [json.loads(json.loads(message["Body"])["Message"]) for message in found]

    yield topic, taken
    sqs.delete_queue(QueueUrl=url)


def test_an_alarm_goes_off_and_tells_its_topic(aws: LocalAws, namespace: str, inbox: tuple[str, Any]) -> None:
    """The alarm is evaluated, its topic is told once, and it recovers when the data is gone."""
    topic, taken = inbox
    name, cloudwatch = f"drift-{uuid.uuid4().hex[:8]}", aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        **query(namespace, "")["MetricStat"]["Metric"],
        ExtendedStatistic="p90",
        Period=600,
        EvaluationPeriods=1,
        Threshold=0.2,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
        AlarmActions=[topic],
        OKActions=[topic],
    )
    state = lambda: cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"]  # noqa: E731

    put(aws, namespace, 0.1, 0.3, 0.3)

    eventually(state, lambda value: value == "ALARM")
    eventually(state, lambda value: value == "OK")
    messages = collected(taken, 2)
    assert [message["NewStateValue"] for message in messages][-2:] == ["ALARM", "OK"]
    # As recorded on AWS: LocalStack, test_cloudwatch.py, test_breaching_alarm_actions.
    assert messages[-2]["AlarmActions"] == messages[-2]["OKActions"] == [topic]
    assert messages[-2]["InsufficientDataActions"] == []
    assert messages[-2]["Trigger"] == {
        "MetricName": "psi",
        "Namespace": namespace,
        "Dimensions": [{"value": "income", "name": "Feature"}],
        "StatisticType": "ExtendedStatistic",
        "ExtendedStatistic": "p90",
        "Unit": None,
        "Period": 600,
        "EvaluationPeriods": 1,
        "ComparisonOperator": "GreaterThanThreshold",
        "Threshold": 0.2,
        "TreatMissingData": "notBreaching",
        "EvaluateLowSampleCountPercentile": "",
    }


def test_an_alarm_on_an_expression(aws: LocalAws, namespace: str) -> None:
    """A rate of errors, worked out by metric math, sets an alarm off."""
    name, cloudwatch = f"rate-{uuid.uuid4().hex[:8]}", aws.client("cloudwatch")
    series = {
        "errors": query(namespace, "Sum", "errors")["MetricStat"],
        "calls": query(namespace, "Sum", "calls")["MetricStat"],
    }
    cloudwatch.put_metric_alarm(
        AlarmName=name,
        Metrics=[
            *({"Id": key, "MetricStat": {**stat, "Period": 600}, "ReturnData": False} for key, stat in series.items()),
            {"Id": "rate", "Expression": "100 * errors / calls", "ReturnData": True},
        ],
        EvaluationPeriods=1,
        Threshold=5.0,
        ComparisonOperator="GreaterThanThreshold",
    )

    def state() -> str:
        put(aws, namespace, 100.0, name="calls")
        put(aws, namespace, 6.0, name="errors")
        return str(cloudwatch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"])

    assert eventually(state, lambda value: value == "ALARM")
