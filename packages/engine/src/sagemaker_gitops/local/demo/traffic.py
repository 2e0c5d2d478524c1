"""Clients of the demo and the tests: they send rows of the data set over HTTP, and keep every answer."""

import itertools
import json
import random
import threading
import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

import botocore.exceptions
from botocore.config import Config
from sagemaker_gitops_modelkit.cells import read_category, read_number, read_rows

from sagemaker_gitops.errors import DemoFailed

if TYPE_CHECKING:
    from mypy_boto3_sagemaker_runtime import SageMakerRuntimeClient

Rows = Sequence[Mapping[str, object]]
# A feature as schema.json has it.
Feature = dict[str, Any]

# A client that retried would hide a lost request; SageMaker gives an invocation 60 s.
NO_RETRIES = Config(retries={"total_max_attempts": 1}, connect_timeout=60, read_timeout=60)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What one request got, `moment` seconds after the traffic began."""

    moment: float
    seconds: float
    inference_id: str
    variant: str
    version: str
    prediction: str
    error: str

    @property
    def lost(self) -> bool:
        """Tell whether the client was left without a prediction."""
        return bool(self.error)


class Traffic:
    """Steady load on one endpoint, from `clients` threads with a pause between requests."""

    def __init__(
        self,
        client: "SageMakerRuntimeClient",
        endpoint: str,
        rows: Rows,
        *,
        clients: int = 2,
        pause: float = 0.02,
    ) -> None:
        self._client = client
        self._endpoint = endpoint
        self._rows = rows
        self._pause = pause
        self._answers: list[Answer] = []
        self._events: list[tuple[float, str]] = []
        self._stop = threading.Event()
        self._began = time.monotonic()
        self._threads = [threading.Thread(target=self._send_rows, args=(n,), daemon=True) for n in range(clients)]

    def __enter__(self) -> Self:
        return self

    def start(self) -> None:
        """Send the first request; a second call changes nothing."""
        if not self._threads[0].is_alive():
            self._began = time.monotonic()
            for thread in self._threads:
                thread.start()

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stop.set()
        for thread in filter(threading.Thread.is_alive, self._threads):
            thread.join(timeout=65)

    @property
    def answers(self) -> tuple[Answer, ...]:
        """Every answer so far, in the order of arrival."""
        return tuple(self._answers)

    @property
    def events(self) -> tuple[tuple[float, str], ...]:
        """What happened meanwhile, and when (seconds since the first request)."""
        return tuple(self._events)

    def median_seconds(self, count: int) -> float:
        """Return the median latency of so many of the latest answers; 0 before the first."""
        latest = [answer.seconds for answer in self._answers[-count:]]
        return median(latest) if latest else 0.0

    def record_event(self, name: str) -> None:
        """Record that something happens now."""
        self._events.append((time.monotonic() - self._began, name))

    def send(self, rows: Rows) -> None:
        """Send other rows from now on."""
        self._rows = rows

    def wait_for(self, count: int, *, timeout_seconds: float = 300) -> None:
        """Wait until so many more answers came."""
        goal, end = len(self._answers) + count, time.monotonic() + timeout_seconds
        while len(self._answers) < goal and time.monotonic() < end:
            time.sleep(self._pause)

    def _send_rows(self, number: int) -> None:
        for turn in itertools.count():
            if self._stop.wait(self._pause):
                return
            # Each client has rows of its own, so that none is sent twice before all were sent.
            row = self._rows[(turn * len(self._threads) + number) % len(self._rows)]
            moment = time.monotonic() - self._began
            self._answers.append(send_row(self._client, self._endpoint, row, moment=moment))


def send_row(
    client: "SageMakerRuntimeClient", endpoint: str, row: Mapping[str, object], *, moment: float = 0.0
) -> Answer:
    """Send one row, and return the answer or its error."""
    inference_id, began = str(uuid.uuid4()), time.monotonic()
    variant = version = prediction = error = ""
    try:
        got = client.invoke_endpoint(
            EndpointName=endpoint,
            ContentType="application/json",
            Body=json.dumps({"instances": [row]}),
            InferenceId=inference_id,
        )
        body = json.loads(got["Body"].read())
        variant, version = got["InvokedProductionVariant"], str(body["model_version"])
        prediction = _short(body["predictions"][0])
    except (botocore.exceptions.BotoCoreError, botocore.exceptions.ClientError) as err:
        error = str(err)
    return Answer(
        moment=moment,
        seconds=time.monotonic() - began,
        inference_id=inference_id,
        variant=variant,
        version=version,
        prediction=prediction,
        error=error,
    )


def _short(prediction: Mapping[str, object]) -> str:
    """Shorten a prediction: a class with its probability, or whatever else the model answers."""
    if {"label", "probability"} <= prediction.keys():
        return f"{prediction['label']} at {prediction['probability']:.3f}"
    return ", ".join(f"{value:.4g}" if isinstance(value, float) else str(value) for value in prediction.values())


def features(root: Path) -> list[Feature]:
    """Read the features that a caller sends from the model's schema."""
    found: list[Feature] = json.loads((root / "model/config/schema.json").read_text())["features"]
    return found


def real_rows(root: Path, count: int) -> list[dict[str, object]]:
    """Draw up to `count` rows of the data set as clients send them: in no order, features only, gaps as they are."""
    sent = features(root)
    path = min((root / "data").glob("*.csv"))
    with path.open(newline="", encoding="utf-8-sig") as file:
        names, *rows = read_rows(file)
    places = {name.strip(): place for place, name in enumerate(names)}
    if absent := [feature["name"] for feature in sent if feature["name"] not in places]:
        raise DemoFailed(
            f"callers have no {', '.join(absent)} to send",
            where=str(path),
            next_step="compare its header with model/config/schema.json",
        )
    drawn = random.Random(0).sample(rows, min(count, len(rows)))  # noqa: S311 - the same rows each time
    return [{feature["name"]: _value(row[places[feature["name"]]], feature) for feature in sent} for row in drawn]


def _value(cell: str, feature: Feature) -> object:
    """Return what a cell holds as JSON has it, None where it is missing."""
    if feature["type"] == "number":
        return read_number(cell)
    return read_category(cell, feature["categories"], optional=feature.get("missing") == "impute")
