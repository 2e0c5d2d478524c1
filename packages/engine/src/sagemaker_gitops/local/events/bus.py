"""The event bus: state changes and PutEvents, on their way to rules' targets. Rules and targets stay with moto."""

import datetime as dt
import json
import logging
import queue
import threading
import uuid
from collections.abc import Callable
from typing import cast

from botocore.exceptions import BotoCoreError, ClientError
from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.events.definitions import parsed_pattern
from sagemaker_gitops.local.events.patterns import check_pattern, matches_pattern
from sagemaker_gitops.local.events.targets import Event, Targets
from sagemaker_gitops.local.server import model, protocols
from sagemaker_gitops.local.server.context import Call, Caller, Document, Place, Refusal, unsupported
from sagemaker_gitops.local.server.protocols import Signature

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


_TARGET = "AWSEvents."


class EventBridge:
    """PutEvents and TestEventPattern."""

    name = "events"

    def __init__(self, events: Events) -> None:
        self._events = events
        self._handlers: dict[str, Callable[[Call], Document]] = {
            "PutEvents": self.put,
            "TestEventPattern": self.test,
        }

    def operation(self, request: Request, _signed: Signature, /) -> str | None:
        """Return the operation in the target header, if it is implemented here."""
        name = request.headers.get("X-Amz-Target", "").removeprefix(_TARGET)
        return name if name in self._handlers else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        return model.check(model.operation(self.name, operation), request.get_json(force=True, silent=True) or {})

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Carry out the operation."""
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        return protocols.json_response(model.answer(model.operation(self.name, operation), result))

    def put(self, call: Call) -> Document:
        """PutEvents: each entry succeeds or fails by itself."""
        if more := sorted({name for entry in call.params["Entries"] for name in set(entry) - _CARRIED}):
            raise unsupported(f"{', '.join(more)} of PutEvents")
        if sum(_size(entry) for entry in call.params["Entries"]) >= _MOST_BYTES:
            raise Refusal("ValidationException", "Total size of the entries in the request is over the limit.")
        entries = [self._put(call, entry) for entry in call.params["Entries"]]
        return {"FailedEntryCount": sum("ErrorCode" in entry for entry in entries), "Entries": entries}

    def test(self, call: Call) -> Document:
        """TestEventPattern."""
        pattern = parsed_pattern(call.params["EventPattern"])
        check_pattern(pattern)
        return {"Result": matches_pattern(cast("Document", pattern), _event_of(call.params["Event"]))}

    def _put(self, call: Call, entry: Document) -> Document:
        for name in ("Source", "DetailType", "Detail"):
            if not entry.get(name):
                return _failed(
                    "InvalidArgument", f"Parameter {name} is not valid. Reason: {name} is a required argument."
                )
        if entry["Source"].startswith("aws."):
            return _failed("NotAuthorizedForSourceException", "Not authorized for the source.")
        try:
            detail = json.loads(entry["Detail"])
        except ValueError:
            detail = None
        if not isinstance(detail, dict):
            return _failed("MalformedDetail", "Detail is malformed.")
        event = _event(call, entry, detail)
        self._events.send(event)
        return {"EventId": event.id}


_CARRIED = frozenset({"Time", "Source", "Resources", "DetailType", "Detail", "EventBusName"})
_MOST_BYTES = 1_048_576


def _event_of(text: str) -> object:
    try:
        return json.loads(text)
    except ValueError:
        raise Refusal("ValidationException", "Parameter Event is not valid.") from None


def _event(call: Call, entry: Document, detail: Document) -> Event:
    moment = entry.get("Time")
    return Event(
        place=call.place,
        id=str(uuid.uuid4()),
        bus=entry.get("EventBusName", DEFAULT_BUS).rsplit("/", 1)[-1],
        source=entry["Source"],
        detail_type=entry["DetailType"],
        resources=tuple(entry.get("Resources", [])),
        detail=detail,
        time=dt.datetime.fromtimestamp(moment, dt.UTC) if moment else dt.datetime.now(dt.UTC),
    )


def _failed(code: str, message: str) -> Document:
    return {"ErrorCode": code, "ErrorMessage": message}


def _size(entry: Document) -> int:
    """Return an entry's size as the User Guide, "Calculating PutEvents event entry size", counts it."""
    texts = [*(entry.get(name, "") for name in ("Source", "DetailType", "Detail")), *entry.get("Resources", [])]
    return sum(len(text.encode()) for text in texts) + (14 if "Time" in entry else 0)
