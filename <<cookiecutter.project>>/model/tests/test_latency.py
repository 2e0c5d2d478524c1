"""Gate: single predictions keep the service level of the environment, seen by the caller.

ENDPOINT_NAME names the endpoint to measure; without it a server is started here. ENVIRONMENT says whose
`serving.sla` counts (staging, unless it is set), CONFIG_DIR where it stands (infra/config, unless it is set).
"""

import json
import os
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import boto3
import pytest
from botocore.config import Config
from sagemaker_gitops_modelkit.gates import payloads, server
from sagemaker_gitops_modelkit.gates.load import Ask, Measured, hold
from sagemaker_gitops_modelkit.gates.marks import Mark, Recorder, require
from sagemaker_gitops_modelkit.gates.server import Caller
from sagemaker_gitops_modelkit.training.feature_schema import Schema

CONFIG = Path(__file__).parents[2] / "infra" / "config"
CALLERS = 4
# Ten requests lie beyond the 99th percentile.
REQUESTS = 1000
WARM_UP = 100


@pytest.fixture(scope="module")
def service_level() -> dict[str, float]:
    """Return the environment's limits in milliseconds."""
    environment = os.environ.get("ENVIRONMENT", "staging")
    folder = Path(os.environ.get("CONFIG_DIR", CONFIG))
    settings = json.loads((folder / f"{environment}.json").read_text(encoding="utf-8"))
    limits: dict[str, float] = settings["serving"]["sla"]
    return limits


@pytest.fixture(scope="module")
def measured(
    request: pytest.FixtureRequest, data_dir: Path, schema: Schema, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Measured]:
    """Return what a steady load of single rows measured."""
    body = payloads.json_rows(payloads.instances(data_dir, schema, 1))
    with ExitStack() as stack:
        if endpoint := os.environ.get("ENDPOINT_NAME"):
            callers = [_endpoint(endpoint, body) for _ in range(CALLERS)]
        else:
            model_dir = request.getfixturevalue("model_dir")
            served = stack.enter_context(server.running(model_dir, tmp_path_factory.mktemp("latency")))
            callers = [_server(stack.enter_context(served.caller()), body) for _ in range(CALLERS)]
        yield hold(callers, requests=REQUESTS, warm_up=WARM_UP)


def _endpoint(name: str, body: bytes) -> Ask:
    client = boto3.client("sagemaker-runtime", config=Config(retries={"total_max_attempts": 1}))
    # The monitor leaves requests of this name out: no caller sent them.
    question = {"EndpointName": name, "ContentType": "application/json", "InferenceId": "verification-latency"}

    def ask() -> bool:
        answer = client.invoke_endpoint(**question, Body=body)
        return bool(json.loads(answer["Body"].read())["predictions"])

    return ask


def _server(caller: Caller, body: bytes) -> Ask:
    return lambda: caller.invoke(body).status == 200


@pytest.mark.parametrize("percent", [50, 95, 99])
def test_latency_keeps_the_service_level(
    percent: int, measured: Measured, service_level: dict[str, float], record_property: Recorder
) -> None:
    """Each percentile stays below its limit while the load is held."""
    name = f"p{percent}_ms"

    require(
        Mark(gate="latency", name=name, value=measured.percentile_ms(percent), maximum=service_level[name]),
        record_property,
    )


def test_load_is_held(measured: Measured, service_level: dict[str, float], record_property: Recorder) -> None:
    """Percentiles of a trickle would say nothing about a busy hour."""
    held, least = measured.requests_per_second, service_level["requests_per_second"]

    require(Mark(gate="latency", name="requests_per_second", value=held, minimum=least), record_property)


def test_every_request_is_answered(measured: Measured, record_property: Recorder) -> None:
    """A percentile says nothing about requests that failed."""
    require(Mark(gate="latency", name="failures", value=measured.failures, maximum=0), record_property)
