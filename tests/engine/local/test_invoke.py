"""InvokeEndpoint: routing, targets, shadows, errors, and what is captured and counted."""

import base64
import datetime as dt
import json
import re
import time
from collections import Counter
from typing import Any

import pytest
from sagemaker_gitops.aws.cloudwatch import Metrics
from tests.engine.local.harness import ACCOUNT, BUCKET, CAPTURE, LocalAws, eventually, refused, variant


def captured(aws: LocalAws, endpoint: str) -> dict[str, dict[str, Any]]:
    """Return the captured records of an endpoint, each with its object's key."""
    s3, found = aws.client("s3"), {}
    for item in s3.list_objects_v2(Bucket=BUCKET, Prefix=f"capture/{endpoint}/").get("Contents", []):
        for line in s3.get_object(Bucket=BUCKET, Key=item["Key"])["Body"].read().splitlines():
            record = json.loads(line)
            found[f"{item['Key']}#{record['eventMetadata']['eventId']}"] = record
    return found


def total(aws: LocalAws, metric: str, endpoint: str, variant_name: str = "v1", statistic: str = "Sum") -> float | None:
    """Return a statistic of a variant's metric over the last ten minutes."""
    dimensions = {"EndpointName": endpoint, "VariantName": variant_name}
    now = dt.datetime.now(dt.UTC)
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SageMaker",
        MetricName=metric,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=now - dt.timedelta(minutes=10),
        EndTime=now + dt.timedelta(minutes=1),
        Period=3600,
        **({"Statistics": [statistic]} if statistic[0] != "p" else {"ExtendedStatistics": [statistic]}),
    )["Datapoints"]
    values = [p.get(statistic) or p.get("ExtendedStatistics", {}).get(statistic) or 0.0 for p in points]
    return sum(values) if values else None


def test_returns_what_the_container_says(aws: LocalAws) -> None:
    """Body, variant, custom attributes; the inference id reaches the container."""
    name = aws.endpoint(aws.config(aws.model("7")))

    answer = aws.invoke(name, {"x": 1}, InferenceId="id-1", CustomAttributes="trace=9")

    assert answer["Body"]["inference_id"] == "id-1"
    assert answer["Body"]["version"] == "7"
    assert answer["InvokedProductionVariant"] == "v1"
    assert answer["CustomAttributes"] == "trace=9"
    assert answer["ContentType"] == "application/json"


def test_traffic_follows_the_weights(aws: LocalAws) -> None:
    """Three to one is three to one, roughly; a target variant overrides it."""
    first, second = aws.model("1"), aws.model("2")
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName="three-to-one",
        ProductionVariants=[variant("v1", first, 3.0), variant("v2", second, 1.0), variant("idle", second, 0.0)],
    )
    name = aws.endpoint("three-to-one")

    seen = Counter(aws.invoke(name)["InvokedProductionVariant"] for _ in range(200))
    target = aws.invoke(name, TargetVariant="idle")["InvokedProductionVariant"]

    assert 120 < seen["v1"] < 180
    assert seen["v2"] == 200 - seen["v1"]
    assert target == "idle"


def test_captures_in_sagemakers_layout(aws: LocalAws) -> None:
    """JSON lines below endpoint/variant/yyyy/mm/dd/hh, with ids and the time."""
    name = aws.endpoint(aws.config(aws.model(), capture=True))

    aws.invoke(name, {"x": 1}, InferenceId="id-1", CustomAttributes="trace=9")

    key, record = next(iter(eventually(lambda: captured(aws, name), bool).items()))
    pattern = rf"capture/{name}/v1/\d{{4}}/\d\d/\d\d/\d\d/\d\d-\d\d-\d{{3}}-[0-9a-f-]{{36}}\.jsonl"
    assert re.fullmatch(pattern, key.split("#")[0])
    data = record["captureData"]
    assert data["endpointInput"] == {
        "observedContentType": "application/json",
        "mode": "INPUT",
        "data": '{"x": 1}',
        "encoding": "JSON",
    }
    assert json.loads(data["endpointOutput"]["data"])["inference_id"] == "id-1"
    assert record["eventMetadata"]["inferenceId"] == "id-1"
    assert record["eventMetadata"]["customAttributes"] == ["trace=9"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", record["eventMetadata"]["inferenceTime"])
    assert record["eventVersion"] == "0"


def test_captures_many_requests_in_few_objects(aws: LocalAws) -> None:
    """Every request is captured; they share objects."""
    name = aws.endpoint(aws.config(aws.model(), capture=True))

    for number in range(100):
        aws.invoke(name, {"x": number}, InferenceId=f"id-{number}")

    found = eventually(lambda: captured(aws, name), lambda records: len(records) == 100)
    ids = {record["eventMetadata"]["inferenceId"] for record in found.values()}
    assert ids == {f"id-{number}" for number in range(100)}
    assert len({key.split("#")[0] for key in found}) < 20


def test_captures_base64_unless_told_otherwise(aws: LocalAws) -> None:
    """A content type that no list names is captured in base64; a failed request not at all."""
    config = {**{k: v for k, v in CAPTURE.items() if k != "CaptureContentTypeHeader"}}
    name = aws.endpoint(aws.config(aws.model(), DataCaptureConfig=config))

    refused(aws.invoke, endpoint=name, body={"status": 500})
    aws.invoke(name, {"x": 1})

    records = list(eventually(lambda: captured(aws, name), bool).values())
    shown = records[0]["captureData"]["endpointInput"]
    assert len(records) == 1
    assert shown["encoding"] == "BASE64"
    assert base64.b64decode(shown["data"]) == b'{"x": 1}'


def test_shadow_gets_a_copy_and_the_caller_never_its_answer(aws: LocalAws) -> None:
    """A failing shadow is counted and captured for itself, and hurts nobody."""
    shadow = aws.model("shadow", broken="1")
    name = aws.endpoint(aws.config(aws.model("1"), shadow=shadow))

    versions = {aws.invoke(name, {"x": n})["Body"]["version"] for n in range(20)}

    assert versions == {"1"}
    eventually(lambda: total(aws, "Invocation5XXErrors", name, "shadow"), lambda count: count == 20)
    assert total(aws, "Invocations", name) == 20
    assert total(aws, "Invocation5XXErrors", name) == 0


def test_a_model_error_tells_what_the_container_said(aws: LocalAws) -> None:
    """The container's status and body come in a ModelError."""
    name = aws.endpoint(aws.config(aws.model()))

    with pytest.raises(aws.client("sagemaker-runtime").exceptions.ModelError) as caught:
        aws.invoke(name, {"status": 422})

    response = caught.value.response
    assert response["OriginalStatusCode"] == 422
    assert json.loads(response["OriginalMessage"])["version"] == "1"
    assert 'Received client error (422) from primary with message "' in response["Error"]["Message"]
    assert f":{ACCOUNT}:log-group:/aws/sagemaker/Endpoints/{name}" in response["LogStreamArn"]
    assert response["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_counts_requests_errors_and_microseconds(aws: LocalAws) -> None:
    """The metrics of a variant, latency in microseconds, percentiles included."""
    name = aws.endpoint(aws.config(aws.model()))

    began = time.monotonic()
    for _ in range(8):
        aws.invoke(name)
    aws.invoke(name, {"sleep": 0.3})
    refused(aws.invoke, endpoint=name, body={"status": 500})
    refused(aws.invoke, endpoint=name, body={"status": 400})
    elapsed = 1_000_000 * (time.monotonic() - began)  # no request took longer than all of them

    assert total(aws, "Invocations", name) == 11
    assert total(aws, "Invocation5XXErrors", name) == 1
    assert total(aws, "Invocation4XXErrors", name) == 1
    slowest, median = (total(aws, "ModelLatency", name, statistic=p) or 0 for p in ("p100", "p50"))
    assert 300_000 < slowest < elapsed
    assert 0 < median < elapsed / 5
    assert (total(aws, "OverheadLatency", name, statistic="Minimum") or 0) > 0


def test_container_output_is_in_the_endpoints_log_group(aws: LocalAws) -> None:
    """What the container prints is in CloudWatch Logs, in a stream of the variant."""
    name = aws.endpoint(aws.config(aws.model()))
    aws.invoke(name, {"x": 1})
    group, logs = f"/aws/sagemaker/Endpoints/{name}", aws.client("logs")

    def lines() -> list[str]:
        streams = logs.describe_log_streams(logGroupName=group, logStreamNamePrefix="v1/")["logStreams"]
        found = logs.get_log_events(logGroupName=group, logStreamName=streams[0]["logStreamName"])
        return [event["message"] for event in found["events"]]

    eventually(lambda: logs.describe_log_groups(logGroupNamePrefix=group)["logGroups"], bool)
    assert json.loads(eventually(lines, bool)[0])["event"] == "prediction"


def test_a_killed_container_is_replaced(aws: LocalAws) -> None:
    """Requests fail while it is down, and a new process answers soon."""
    name = aws.endpoint(aws.config(aws.model()))
    before = aws.invoke(name)["Body"]["pid"]

    aws.switch("kill", endpoint=name)
    code, _ = refused(aws.invoke, endpoint=name)

    assert code == "ServiceUnavailable"

    def answering() -> int | None:
        try:
            return int(aws.invoke(name)["Body"]["pid"])
        except aws.client("sagemaker-runtime").exceptions.ServiceUnavailable:
            return None

    assert eventually(answering, lambda pid: pid is not None) != before
    assert (total(aws, "InvocationModelErrors", name) or 0) >= 1
    assert total(aws, "Invocation5XXErrors", name) == 0
    now = dt.datetime.now(dt.UTC)
    seen = Metrics(aws.client("cloudwatch")).traffic(name, "v1", since=now - dt.timedelta(minutes=5), until=now)
    assert seen.errors >= 1


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        ({"TargetVariant": "v9"}, "Variant v9 not found"),
        ({"InferenceId": "x" * 65}, "length less than or equal to 64"),
        ({"CustomAttributes": "x" * 1025}, "length less than or equal to 1024"),
        ({"EndpointName": "absent"}, f"Endpoint absent of account {ACCOUNT} not found."),
    ],
)
def test_refuses_an_invocation(aws: LocalAws, shared: str, request_: dict[str, str], message: str) -> None:
    """Bad headers, unknown variants and endpoints are a ValidationError."""
    runtime = aws.client("sagemaker-runtime")

    code, found = refused(runtime.invoke_endpoint, **{"EndpointName": shared, "Body": b"{}", **request_})

    assert code == "ValidationError"
    assert message in found


@pytest.fixture(scope="module")
def shared(aws: LocalAws) -> str:
    """Return an endpoint that nobody changes."""
    return aws.endpoint(aws.config(aws.model()))
