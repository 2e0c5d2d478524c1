"""Endpoints: states, updates without a lost request, weights, deletion, failure."""

import threading
import time
import uuid
from collections import Counter

import boto3
import pytest
from sagemaker_gitops.aws.remains import Remains
from tests.engine.local.harness import ACCOUNT, REGION, LocalAws, eventually, refused, variant


class Load:
    """Clients that ask as fast as they are answered, and count by version."""

    def __init__(self, aws: LocalAws, endpoint: str, clients: int = 3) -> None:
        self.versions: Counter[str] = Counter()
        self.errors: list[str] = []
        self._stop = threading.Event()
        self._threads = [threading.Thread(target=self._run, args=(aws, endpoint)) for _ in range(clients)]

    def __enter__(self) -> "Load":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _run(self, aws: LocalAws, endpoint: str) -> None:
        while not self._stop.is_set():
            try:
                self.versions[aws.invoke(endpoint)["Body"]["version"]] += 1
            except Exception as problem:  # noqa: BLE001 - whatever a client meets counts as lost
                self.errors.append(str(problem))


def test_creates_and_describes(aws: LocalAws) -> None:
    """An endpoint is Creating, then InService, with its variants and its capture."""
    config, name = aws.config(aws.model(), capture=True), "described"

    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    at_once = aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"]
    described = aws.settled(name)

    assert at_once == "Creating"
    assert described["EndpointStatus"] == "InService"
    assert described["EndpointArn"] == f"arn:aws:sagemaker:{REGION}:{ACCOUNT}:endpoint/{name}"
    shown = described["ProductionVariants"][0]
    assert (shown["VariantName"], shown["CurrentWeight"], shown["CurrentInstanceCount"]) == ("v1", 1.0, 2)
    assert described["DataCaptureConfig"]["CaptureStatus"] == "Started"


def test_update_loses_no_request(aws: LocalAws) -> None:
    """The old fleet answers until the new one is proven; then the new one does."""
    name = aws.endpoint(aws.config(aws.model("1")))
    config = aws.config(aws.model("2"))

    with Load(aws, name) as load:
        aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config)
        described = aws.settled(name)
        eventually(lambda: load.versions["2"], lambda count: count > 20)

    assert load.errors == []
    assert load.versions["1"] > 0
    assert described["EndpointConfigName"] == config
    assert aws.invoke(name)["Body"]["version"] == "2"


def test_weights_move_the_traffic_and_lose_no_request(aws: LocalAws) -> None:
    """A weight flip turns the traffic round; what is not named stays."""
    first, second = aws.model("1"), aws.model("2")
    config = "weighted"
    aws.sagemaker.create_endpoint_config(
        EndpointConfigName=config, ProductionVariants=[variant("v1", first), variant("v2", second, 0.0)]
    )
    name = aws.endpoint(config)
    weights = [{"VariantName": "v1", "DesiredWeight": 0.0}, {"VariantName": "v2", "DesiredWeight": 1.0}]

    with Load(aws, name) as load:
        aws.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=weights)
        described = aws.settled(name)
        eventually(lambda: load.versions["2"], lambda count: count > 20)

    assert load.errors == []
    assert [v["CurrentWeight"] for v in described["ProductionVariants"]] == [0.0, 1.0]
    assert [v["CurrentInstanceCount"] for v in described["ProductionVariants"]] == [2, 2]
    assert {aws.invoke(name)["Body"]["version"] for _ in range(5)} == {"2"}


def test_a_sick_container_fails_the_creation(aws: LocalAws) -> None:
    """A container that ends before it answers /ping makes the endpoint Failed, for good."""
    config = aws.config(aws.model(crash="1"))
    aws.sagemaker.create_endpoint(EndpointName="sick", EndpointConfigName=config)

    described = aws.settled("sick")

    assert described["EndpointStatus"] == "Failed"
    assert "did not pass the ping health check" in described["FailureReason"]
    assert refused(aws.invoke, endpoint="sick")[0] == "ValidationError"
    assert (
        "failed endpoint" in refused(aws.sagemaker.update_endpoint, EndpointName="sick", EndpointConfigName=config)[1]
    )
    aws.sagemaker.delete_endpoint(EndpointName="sick")


def test_a_failed_update_keeps_the_old_fleet(aws: LocalAws) -> None:
    """When the new fleet does not come up, the old one serves on, and the reason is told."""
    config = aws.config(aws.model("1"))
    name = aws.endpoint(config)

    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=aws.config(aws.model("2", crash="1")))
    described = aws.settled(name)

    assert described["EndpointStatus"] == "InService"
    assert described["EndpointConfigName"] == config
    assert "ping health check" in described["FailureReason"]
    assert aws.invoke(name)["Body"]["version"] == "1"


def test_retains_weights_on_request(aws: LocalAws) -> None:
    """RetainAllVariantProperties keeps weights and counts, except what is excluded."""
    name = aws.endpoint(aws.config(aws.model("1")))
    change = [{"VariantName": "v1", "DesiredWeight": 0.25, "DesiredInstanceCount": 5}]
    aws.sagemaker.update_endpoint_weights_and_capacities(EndpointName=name, DesiredWeightsAndCapacities=change)
    aws.settled(name)

    aws.sagemaker.update_endpoint(
        EndpointName=name,
        EndpointConfigName=aws.config(aws.model("2")),
        RetainAllVariantProperties=True,
        ExcludeRetainedVariantProperties=[{"VariantPropertyType": "DesiredInstanceCount"}],
    )
    shown = aws.settled(name)["ProductionVariants"][0]

    assert (shown["CurrentWeight"], shown["CurrentInstanceCount"]) == (0.25, 2)


def test_deletes_once_and_frees_the_name(aws: LocalAws) -> None:
    """An endpoint is Deleting, then gone; its name can be used again."""
    config = aws.config(aws.model())
    name = aws.endpoint(config)

    aws.sagemaker.delete_endpoint(EndpointName=name)

    eventually(lambda: aws.sagemaker.list_endpoints(NameContains=name)["Endpoints"], lambda found: not found)
    assert "Could not find endpoint" in refused(aws.sagemaker.describe_endpoint, EndpointName=name)[1]
    assert refused(aws.invoke, endpoint=name) == ("ValidationError", f"Endpoint {name} of account {ACCOUNT} not found.")
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    assert aws.settled(name)["EndpointStatus"] == "InService"


def test_a_config_in_use_may_be_deleted(aws: LocalAws) -> None:
    """AWS warns against it and allows it; the endpoint serves on."""
    config = aws.config(aws.model("1"))
    name = aws.endpoint(config)

    aws.sagemaker.delete_endpoint_config(EndpointConfigName=config)

    assert aws.invoke(name)["Body"]["version"] == "1"
    assert aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointConfigName"] == config


def test_refuses_changes_while_one_is_under_way(aws: LocalAws) -> None:
    """Update, weights and deletion wait until the endpoint is settled."""
    config, name = aws.config(aws.model(delay="1.5")), "busy"
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
    weights = [{"VariantName": "v1", "DesiredWeight": 1.0}]

    found = [
        refused(aws.sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=config),
        refused(
            aws.sagemaker.update_endpoint_weights_and_capacities, EndpointName=name, DesiredWeightsAndCapacities=weights
        ),
        refused(aws.sagemaker.delete_endpoint, EndpointName=name),
        refused(aws.sagemaker.create_endpoint, EndpointName=name, EndpointConfigName=config),
    ]
    aws.settled(name)

    assert {code for code, _ in found} == {"ValidationException"}
    assert all("in-progress endpoint" in message for _, message in found[:3])
    assert "Cannot create already existing endpoint" in found[3][1]


@pytest.mark.parametrize("operation", ["create_endpoint", "update_endpoint"])
def test_refuses_unknown_configs(aws: LocalAws, operation: str) -> None:
    """An endpoint cannot be pointed at a configuration that does not exist."""
    name = aws.endpoint(aws.config(aws.model())) if operation == "update_endpoint" else "new"

    code, message = refused(getattr(aws.sagemaker, operation), EndpointName=name, EndpointConfigName="absent")

    assert code == "ValidationException"
    assert message.startswith("Could not find endpoint configuration")


def test_refuses_unknown_variants_and_endpoints(aws: LocalAws) -> None:
    """Weights of a variant that is not there, and any change of an endpoint that is not there."""
    name = aws.endpoint(aws.config(aws.model()))
    weights = [{"VariantName": "v9", "DesiredWeight": 1.0}]
    change = aws.sagemaker.update_endpoint_weights_and_capacities

    unknown_variant = refused(change, EndpointName=name, DesiredWeightsAndCapacities=weights)
    unknown_endpoint = refused(aws.sagemaker.delete_endpoint, EndpointName="absent")

    assert "Could not find variant(s) v9" in unknown_variant[1]
    assert "Could not find endpoint" in unknown_endpoint[1]


def test_creation_takes_simulated_time(aws: LocalAws) -> None:
    """A minute of AWS's takes the time scale's share of a minute: no test may count on less."""
    started = time.monotonic()

    aws.endpoint(aws.config(aws.model()))

    assert time.monotonic() - started >= 60 / aws.running.time_scale


def test_endpoint_that_is_still_created_is_deleted_once_it_is_there(
    aws: LocalAws, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SageMaker refuses to delete what is changing; teardown waits for it."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", aws.running.endpoint_url)
    session = boto3.Session(aws_access_key_id="local", aws_secret_access_key="any", region_name=REGION)
    name = f"endpoint-{uuid.uuid4().hex[:8]}"
    aws.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=aws.config(aws.model()))

    code, message = refused(aws.sagemaker.delete_endpoint, EndpointName=name)
    deleted = Remains(session, poll_seconds=0.02).delete_endpoint(name)

    assert (code, "in-progress" in message) == ("ValidationException", True)
    assert deleted
    assert not Remains(session, poll_seconds=0.02).delete_endpoint(name)
