"""SageMaker's state-change events, put on the account's default bus in the background."""

import datetime as dt
import json
import logging
import queue
import threading
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.local.clients import Clients
from pipeline.local.place import Document, Place

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event as EventBridge takes it."""

    place: Place
    source: str
    detail_type: str
    resources: tuple[str, ...]
    detail: Document
    time: dt.datetime


class Events:
    """Delivers events in the order they happened."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._queue: queue.Queue[Event | None] = queue.Queue()
        self._thread = threading.Thread(target=self._deliver, daemon=True, name="events")
        self._thread.start()

    def state_change(self, place: Place, subject: str, arn: str, detail: Document) -> None:
        """Announce `SageMaker <subject> State Change`."""
        self.put(place, "aws.sagemaker", f"SageMaker {subject} State Change", arn, detail)

    def put(self, place: Place, source: str, detail_type: str, arn: str, detail: Document) -> None:
        """Announce anything."""
        time = dt.datetime.now(dt.UTC)
        self._queue.put(
            Event(place=place, source=source, detail_type=detail_type, resources=(arn,), detail=detail, time=time)
        )

    def close(self) -> None:
        """Deliver what is waiting, then stop."""
        self._queue.put(None)
        self._thread.join(5)

    def _deliver(self) -> None:
        while event := self._queue.get():
            try:
                self._put(event)
            except (ClientError, BotoCoreError) as problem:
                _LOG.warning("event %s was not delivered: %s", event.detail_type, problem)

    def _put(self, event: Event) -> None:
        self._clients.events(event.place).put_events(
            Entries=[
                {
                    "Time": event.time,
                    "Source": event.source,
                    "DetailType": event.detail_type,
                    "Resources": list(event.resources),
                    "Detail": json.dumps(event.detail),
                }
            ]
        )
