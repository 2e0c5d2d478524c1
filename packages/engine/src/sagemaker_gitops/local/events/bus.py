"""The event bus: SageMaker's state changes and everybody's own events, on their way to rules' targets."""

import datetime as dt
import logging
import queue
import threading
import uuid

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.events.event_targets import Event, Targets
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.refusal import Refusal

_LOG = logging.getLogger(__name__)
DEFAULT_BUS = "default"


class Events:
    """Delivers events in the order they happened, in the background."""

    def __init__(self, targets: Targets) -> None:
        self._targets = targets
        self._queue: queue.Queue[Event | None] = queue.Queue()
        self._thread = threading.Thread(target=self._deliver, daemon=True, name="events")
        self._thread.start()

    def state_change(self, place: Place, subject: str, arn: str, detail: Document) -> None:
        """Announce `SageMaker <subject> State Change`."""
        self.put(place, "aws.sagemaker", f"SageMaker {subject} State Change", arn, detail)

    def put(self, place: Place, source: str, detail_type: str, arn: str, detail: Document) -> None:
        """Announce what a service of AWS announces."""
        self.send(
            Event(
                place=place,
                id=str(uuid.uuid4()),
                bus=DEFAULT_BUS,
                source=source,
                detail_type=detail_type,
                resources=(arn,),
                detail=detail,
                time=dt.datetime.now(dt.UTC),
            )
        )

    def send(self, event: Event) -> None:
        """Put an event on its bus."""
        self._queue.put(event)

    def close(self) -> None:
        """Deliver what is waiting, then stop."""
        self._queue.put(None)
        self._thread.join(5)

    def _deliver(self) -> None:
        while event := self._queue.get():
            try:
                self._targets.deliver(event)
            except (ClientError, BotoCoreError, Refusal) as problem:
                _LOG.warning("event %s was not delivered: %s", event.detail_type, problem)
