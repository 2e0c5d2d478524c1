"""Data Capture: what each variant was asked and what it answered, as JSON lines in S3."""

import base64
import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from sagemaker_gitops.aws.session import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True)
class Event:
    """One captured request; its time has a resolution of one second."""

    event_id: str
    inference_id: str
    time: datetime
    variant: str
    asked: str
    answered: str
    answer_type: str
    attributes: str
    uri: str


class Captures:
    """The capture bucket of one environment."""

    def __init__(self, client: "S3Client", *, bucket: str) -> None:
        self._client = client
        self._bucket = bucket
        # Capture files are never rewritten, so each is read once.
        self._read: dict[str, list[Event]] = {}

    @aws_errors()
    def events(self, endpoint: str, variant: str, *, since: datetime, until: datetime, limit: int) -> list[Event]:
        """Read the newest events of a variant since a moment, `limit` of them at most."""
        start = since.replace(microsecond=0)
        found: list[Event] = []
        for hour in _hours_back(since, until):
            for key in reversed(self._keys(f"{endpoint}/{variant}/{hour:%Y/%m/%d/%H}/", since=start)):
                found += [event for event in self._events(key, variant) if event.time >= start]
                if len(found) >= limit:
                    return found[:limit]
        return found

    @aws_errors()
    def find(self, endpoint: str, inference_id: str, *, since: datetime, until: datetime) -> Event | None:
        """Look for one inference id, newest hour first."""
        for hour in _hours_back(since, until):
            for variant in self._variants(endpoint):
                for key in self._keys(f"{endpoint}/{variant}/{hour:%Y/%m/%d/%H}/", since=since):
                    for event in self._events(key, variant):
                        if event.inference_id == inference_id or inference_id in event.attributes:
                            return event
        return None

    def _variants(self, endpoint: str) -> list[str]:
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=f"{endpoint}/", Delimiter="/"
        )
        return [
            item["Prefix"].removeprefix(f"{endpoint}/").rstrip("/")
            for page in pages
            for item in page.get("CommonPrefixes", [])
        ]

    def _keys(self, prefix: str, *, since: datetime) -> list[str]:
        """List the files that can hold an event since a moment: one is written after all of its events."""
        oldest = since.replace(microsecond=0)
        pages = self._client.get_paginator("list_objects_v2").paginate(Bucket=self._bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", []) if item["LastModified"] >= oldest]

    def _events(self, key: str, variant: str) -> list[Event]:
        if key not in self._read:
            text = self._client.get_object(Bucket=self._bucket, Key=key)["Body"].read().decode()
            uri = f"s3://{self._bucket}/{key}"
            self._read[key] = [_event(json.loads(line), variant, uri) for line in text.splitlines() if line]
        return self._read[key]


def _hours_back(since: datetime, until: datetime) -> Iterator[datetime]:
    hour = until.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    while hour > since.astimezone(UTC) - timedelta(hours=1):
        yield hour
        hour -= timedelta(hours=1)


def _event(line: dict[str, Any], variant: str, uri: str) -> Event:
    data, meta = line["captureData"], line["eventMetadata"]
    answer = data.get("endpointOutput", {})
    return Event(
        event_id=meta["eventId"],
        inference_id=meta.get("inferenceId", ""),
        time=datetime.fromisoformat(meta["inferenceTime"].replace("Z", "+00:00")),
        variant=variant,
        asked=_text(data.get("endpointInput", {})),
        answered=_text(answer),
        answer_type=answer.get("observedContentType", ""),
        attributes=";".join(meta.get("customAttributes", [])),
        uri=uri,
    )


def _text(content: dict[str, Any]) -> str:
    data = str(content.get("data", ""))
    return base64.b64decode(data).decode(errors="replace") if content.get("encoding") == "BASE64" else data
