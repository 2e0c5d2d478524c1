"""Callers of prod: one that asks once, and many that must never be left without an answer."""

import functools
import itertools
import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config


@functools.cache
def runtime(url: str) -> Any:
    """Open the runtime once; a client that retried would hide a lost request."""
    once = Config(retries={"total_max_attempts": 1}, max_pool_connections=8)
    return boto3.client(
        "sagemaker-runtime",
        endpoint_url=url,
        region_name="eu-west-1",
        aws_access_key_id="caller",
        aws_secret_access_key="caller",
        config=once,
    )


def ask(aws: Mapping[str, str], row: Mapping[str, object]) -> str:
    """Send one application to prod, and return the version that answered."""
    answer = runtime(aws["AWS_ENDPOINT_URL"]).invoke_endpoint(
        EndpointName="mortgage-decisions-prod", ContentType="application/json", Body=json.dumps({"instances": [row]})
    )
    return str(json.load(answer["Body"])["model_version"])


@contextmanager
def traffic(aws: Mapping[str, str], rows: list[dict[str, object]]) -> Iterator[list[str]]:
    """Keep asking prod while the block runs; yield the versions that answered. A lost request fails the test."""
    stop, versions, lost = threading.Event(), list[str](), list[Exception]()

    def work(mine: list[dict[str, object]]) -> None:
        for row in itertools.cycle(mine):
            if stop.wait(0.02):
                return
            try:
                versions.append(ask(aws, row))
            except Exception as error:  # noqa: BLE001 - whatever it is, the caller has no answer
                lost.append(error)

    threads = [threading.Thread(target=work, args=(rows[start::4],)) for start in range(4)]
    for thread in threads:
        thread.start()
    try:
        yield versions
    finally:
        stop.set()
        for thread in threads:
            thread.join()
    assert lost == []
