"""What invocations leave behind: metrics for each variant, and Data Capture in S3, written in batches."""

import base64
import datetime as dt
import json
import logging
import random
import threading
import time
import uuid
from collections import Counter, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.cloudwatch.metrics import Datum, Metrics, Series, series_of
from sagemaker_gitops.local.sagemaker.transfer import split_uri
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Document, Place

_LOG = logging.getLogger(__name__)
_CSV_TYPES = "CsvContentTypes"
_JSON_TYPES = "JsonContentTypes"


@dataclass(frozen=True, kw_only=True, slots=True)
class Exchange:
    """What was asked and answered."""

    request: bytes
    request_type: str
    response: bytes
    response_type: str
    inference_id: str | None
    custom_attributes: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Captured:
    """One exchange with where it happened and how it is to be captured."""

    place: Place
    endpoint: str
    variant: str
    config: Document
    time: dt.datetime
    exchange: Exchange


def is_sampled(config: Document | None) -> bool:
    """Return whether this request falls into the sample."""
    if not config or not config.get("EnableCapture", False):
        return False
    return random.random() * 100 < float(config["InitialSamplingPercentage"])  # noqa: S311


class Capture:
    """Writes captured exchanges to their buckets."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def write(self, captured: Iterable[Captured]) -> None:
        """Write exchanges, one object for each variant and hour."""
        files: dict[tuple[Place, str], list[Captured]] = defaultdict(list)
        for item in captured:
            files[item.place, _folder(item)].append(item)
        for (place, folder), items in files.items():
            self._write(place, f"{folder}/{_file_name(items[0].time)}", items)

    def _write(self, place: Place, uri: str, items: list[Captured]) -> None:
        bucket, key = split_uri(uri)
        body = "".join(json.dumps(capture_line(item), separators=(",", ":")) + "\n" for item in items)
        try:
            own = items[0].config.get("KmsKeyId")
            encryption: Document = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": own} if own else {}
            self._clients.s3(place).put_object(Bucket=bucket, Key=key, Body=body.encode(), **encryption)
        except (ClientError, BotoCoreError) as problem:
            _LOG.warning("%d captured records for %s were lost: %s", len(items), uri, problem)


def capture_line(item: Captured) -> Document:
    """Return one line of a capture file."""
    exchange, options = item.exchange, item.config
    modes = {option["CaptureMode"] for option in options["CaptureOptions"]}
    data: Document = {}
    if modes & {"Input", "InputAndOutput"}:
        data["endpointInput"] = _content(exchange.request, exchange.request_type, "INPUT", options)
    if modes & {"Output", "InputAndOutput"}:
        data["endpointOutput"] = _content(exchange.response, exchange.response_type, "OUTPUT", options)
    metadata: Document = {"eventId": str(uuid.uuid4())}
    if exchange.custom_attributes:
        metadata["customAttributes"] = [exchange.custom_attributes]
    if exchange.inference_id:
        metadata["inferenceId"] = exchange.inference_id
    metadata["inferenceTime"] = item.time.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"captureData": data, "eventMetadata": metadata, "eventVersion": "0"}


def _content(body: bytes, content_type: str, mode: str, options: Document) -> Document:
    encoding = _encoding(content_type, options.get("CaptureContentTypeHeader", {}))
    data = base64.b64encode(body).decode() if encoding == "BASE64" else body.decode(errors="replace")
    return {"observedContentType": content_type, "mode": mode, "data": data, "encoding": encoding}


def _encoding(content_type: str, header: Document) -> str:
    """Return how a body is written: base64 unless its type is listed as CSV or JSON."""
    plain = content_type.split(";", maxsplit=1)[0].strip()
    if plain in header.get(_CSV_TYPES, []):
        return "CSV"
    return "JSON" if plain in header.get(_JSON_TYPES, []) else "BASE64"


def _folder(item: Captured) -> str:
    destination = str(item.config["DestinationS3Uri"]).rstrip("/")
    return f"{destination}/{item.endpoint}/{item.variant}/{item.time:%Y/%m/%d/%H}"


def _file_name(time: dt.datetime) -> str:
    return f"{time:%M-%S}-{time.microsecond // 1000:03d}-{uuid.uuid4()}.jsonl"


NAMESPACE = "AWS/SageMaker"


@dataclass(frozen=True, kw_only=True, slots=True)
class Invocation:
    """One request through one variant; status 0 is no answer. Latencies are in microseconds, as CloudWatch has them."""

    place: Place
    endpoint: str
    variant: str
    config: str
    status: int
    model_latency: float | None
    overhead_latency: float | None


class Invocations:
    """Collects what happened; `flush` writes it."""

    def __init__(self, metrics: Metrics, capture: Capture) -> None:
        self._metrics = metrics
        self._capture = capture
        self._waiting: deque[Invocation] = deque()
        self._captured: deque[Captured] = deque()
        self._writing = threading.Lock()

    def note(self, invocation: Invocation) -> None:
        """Remember one request."""
        self._waiting.append(invocation)

    def keep(self, captured: Captured) -> None:
        """Remember one request's content for Data Capture."""
        self._captured.append(captured)

    def flush(self) -> None:
        """Write the metrics and the captured data."""
        self.flush_metrics()
        with self._writing:
            captured = [self._captured.popleft() for _ in range(len(self._captured))]
        self._capture.write(captured)

    def flush_metrics(self) -> None:
        """Write the metrics, so that a query sees the last request."""
        values: dict[tuple[Series, str], Counter[float]] = defaultdict(Counter)
        with self._writing:
            for _ in range(len(self._waiting)):
                _count(self._waiting.popleft(), values)
        now = time.time()
        self._metrics.put(
            (key, Datum(time=now, values=tuple(seen), counts=tuple(map(float, seen.values())), unit=unit))
            for (key, unit), seen in values.items()
        )


def _count(invocation: Invocation, values: dict[tuple[Series, str], Counter[float]]) -> None:
    both = {"EndpointName": invocation.endpoint, "VariantName": invocation.variant}
    # AWS adds the configuration's name, so that an alarm can watch the new fleet alone.
    for dimensions in (both, {**both, "EndpointConfigName": invocation.config}):
        for name, unit, value in _values(invocation):
            values[series_of(invocation.place, NAMESPACE, name, dimensions), unit][value] += 1


def _values(invocation: Invocation) -> list[tuple[str, str, float]]:
    status = invocation.status
    counted = [
        ("Invocations", "None", 1.0),
        ("InvocationsPerInstance", "None", 1.0),
        ("Invocation4XXErrors", "None", float(400 <= status < 500)),
        ("Invocation5XXErrors", "None", float(status >= 500)),
        # Time-outs, broken connections and malformed answers have no status, and count here alone.
        ("InvocationModelErrors", "None", float(not 200 <= status < 300)),
    ]
    timed = [("ModelLatency", invocation.model_latency), ("OverheadLatency", invocation.overhead_latency)]
    return [*counted, *((name, "Microseconds", round(value)) for name, value in timed if value is not None)]
