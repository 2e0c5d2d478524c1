"""What the monitor reads and tells: capture files and ground truth in S3, CloudWatch metrics, an EventBridge event."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any

import botocore.exceptions

from sagemaker_gitops.aws.session import aws_errors
from sagemaker_gitops.errors import AwsRefused

if TYPE_CHECKING:
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_cloudwatch.type_defs import MetricDatumTypeDef
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import ObjectTypeDef

_CHUNK_BYTES = 1 << 20
# Small files are fetched ahead, whole; from this size on a file is streamed.
_SMALL_BYTES = 8 << 20
_AHEAD = 16
# CloudWatch's own limit for one request.
_METRICS_A_REQUEST = 1000


@dataclass(frozen=True, kw_only=True)
class CaptureFile:
    """One object of captured traffic."""

    key: str
    variant: str
    size: int


@dataclass(frozen=True, kw_only=True)
class Gauge:
    """One value for CloudWatch."""

    name: str
    value: float
    dimensions: Mapping[str, str]


class Monitoring:
    """The capture bucket, the metrics and the event bus of one environment."""

    def __init__(
        self, s3: "S3Client", cloudwatch: "CloudWatchClient", events: "EventBridgeClient", *, bucket: str
    ) -> None:
        self._s3 = s3
        self._cloudwatch = cloudwatch
        self._events = events
        self._bucket = bucket

    @aws_errors()
    def captures(self, endpoint: str, *, since: datetime, until: datetime) -> list[CaptureFile]:
        """List the capture files of all variants, hour by hour."""
        return [
            CaptureFile(key=item["Key"], variant=variant, size=item["Size"])
            for variant in self._variants(endpoint)
            for item in self._hourly(f"{endpoint}/{variant}/", since=since, until=until)
        ]

    @aws_errors()
    def truth_lines(self, endpoint: str, *, since: datetime, until: datetime) -> Iterator[bytes]:
        """Read uploaded ground truth line by line, the oldest upload first."""
        objects = self._hourly(f"ground-truth/{endpoint}/", since=since, until=until)
        for item in sorted(objects, key=lambda item: (item["LastModified"], item["Key"])):
            yield from self._s3.get_object(Bucket=self._bucket, Key=item["Key"])["Body"].iter_lines(_CHUNK_BYTES)

    def contents(self, files: Sequence[CaptureFile]) -> Iterator[tuple[CaptureFile, Iterable[bytes]]]:
        """Open files in order, the next small ones already on their way; OSError says that one breaks off."""
        with ThreadPoolExecutor(_AHEAD) as pool:
            waiting = iter(files)
            started = [(file, pool.submit(self._prefetch, file)) for file in islice(waiting, _AHEAD)]
            while started:
                file, fetched = started.pop(0)
                yield file, fetched.result()
                started += [(file, pool.submit(self._prefetch, file)) for file in islice(waiting, 1)]

    def _prefetch(self, file: CaptureFile) -> Iterable[bytes]:
        if file.size > _SMALL_BYTES:
            return self._stream(file.key)
        try:
            return list(self._stream(file.key))
        except OSError as err:
            return _Broken(err)

    def _stream(self, key: str) -> Iterator[bytes]:
        try:
            yield from self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].iter_chunks(_CHUNK_BYTES)
        except (botocore.exceptions.ClientError, botocore.exceptions.BotoCoreError) as err:
            raise OSError(str(err)) from err

    @aws_errors()
    def put_metrics(self, namespace: str, gauges: Iterable[Gauge], *, time: datetime) -> None:
        """Publish values, as many a request as CloudWatch takes."""
        waiting = iter([_datum(gauge, time) for gauge in gauges])
        while batch := list(islice(waiting, _METRICS_A_REQUEST)):
            self._cloudwatch.put_metric_data(Namespace=namespace, MetricData=batch)

    @aws_errors()
    def put_event(
        self, source: str, detail_type: str, detail: Mapping[str, Any], *, resources: Sequence[str] = ()
    ) -> None:
        """Publish one event, and make sure that the bus took it: PutEvents fails without raising."""
        answer = self._events.put_events(
            Entries=[
                {
                    "Source": source,
                    "DetailType": detail_type,
                    "Detail": json.dumps(detail),
                    "Resources": list(resources),
                }
            ]
        )
        if answer["FailedEntryCount"]:
            entry = answer["Entries"][0]
            raise AwsRefused(
                f"EventBridge did not take the event: {entry.get('ErrorCode')} {entry.get('ErrorMessage', '')}",
                where=f"{source}: {detail_type}",
                next_step="run monitor again; the verdict itself is in the capture bucket",
            )

    def uri(self, key: str) -> str:
        """Name an object of the capture bucket."""
        return f"s3://{self._bucket}/{key}"

    @aws_errors()
    def put_report(self, key: str, content: bytes, *, content_type: str) -> None:
        """Keep a report beside the captures."""
        self._s3.put_object(Bucket=self._bucket, Key=key, Body=content, ContentType=content_type)

    @aws_errors()
    def reports(self, prefix: str, *, name: str, newest: int) -> list[bytes]:
        """Read the newest objects below a prefix whose key ends so, oldest first."""
        keys = sorted(item["Key"] for item in self._objects(prefix) if item["Key"].endswith(name))
        return [self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read() for key in keys[-newest:]]

    def _variants(self, endpoint: str) -> list[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{endpoint}/", Delimiter="/"
        )
        prefixes = [item["Prefix"] for page in pages for item in page.get("CommonPrefixes", [])]
        return [prefix.removeprefix(f"{endpoint}/").rstrip("/") for prefix in prefixes]

    def _hourly(self, prefix: str, *, since: datetime, until: datetime) -> Iterator["ObjectTypeDef"]:
        """List the JSON lines of these hours, a day a request, since most windows are whole days."""
        first, last = (f"{prefix}{moment.astimezone(UTC):%Y/%m/%d/%H}" for moment in (since, until))
        for day in _days(since, until):
            for item in self._objects(f"{prefix}{day:%Y/%m/%d}/"):
                if item["Key"].endswith(".jsonl") and first <= item["Key"][: len(first)] <= last:
                    yield item

    def _objects(self, prefix: str) -> Iterator["ObjectTypeDef"]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        for page in pages:
            yield from page.get("Contents", [])


class _Broken:
    """A file that could not be read, saying so when it is."""

    def __init__(self, error: OSError) -> None:
        self._error = error

    def __iter__(self) -> Iterator[bytes]:
        raise self._error


def _days(since: datetime, until: datetime) -> Iterator[datetime]:
    day = since.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    while day <= until.astimezone(UTC):
        yield day
        day += timedelta(days=1)


def _datum(gauge: Gauge, time: datetime) -> "MetricDatumTypeDef":
    return {
        "MetricName": gauge.name,
        "Value": gauge.value,
        "Timestamp": time,
        "Dimensions": [{"Name": name, "Value": value} for name, value in gauge.dimensions.items()],
    }
