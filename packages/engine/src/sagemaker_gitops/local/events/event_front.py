"""EventBridge's operations on events themselves; rules and targets stay with moto."""

import datetime as dt
import json
import uuid
from collections.abc import Callable

from werkzeug.wrappers import Request, Response

from sagemaker_gitops.local.events.bus import DEFAULT_BUS, Events
from sagemaker_gitops.local.events.event_pattern import matches
from sagemaker_gitops.local.events.event_targets import Event
from sagemaker_gitops.local.iam.identity import Signature
from sagemaker_gitops.local.server import model, wire
from sagemaker_gitops.local.server.context import Call, Caller, Document
from sagemaker_gitops.local.server.refusal import Refusal

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
        """Return the operation in the target header, if the plane implements it."""
        name = request.headers.get("X-Amz-Target", "").removeprefix(_TARGET)
        return name if name in self._handlers else None

    def params(self, request: Request, operation: str) -> Document:
        """Return the parameters, checked against the service model."""
        return model.check(model.operation(self.name, operation), request.get_json(force=True, silent=True) or {})

    def answer(self, caller: Caller, operation: str, params: Document, /) -> Response:
        """Carry out the operation."""
        result = self._handlers[operation](Call(caller=caller, operation=operation, params=params))
        return wire.json_response(model.answer(model.operation(self.name, operation), result))

    def put(self, call: Call) -> Document:
        """PutEvents: each entry succeeds or fails by itself."""
        entries = [self._put(call, entry) for entry in call.params["Entries"]]
        return {"FailedEntryCount": sum("ErrorCode" in entry for entry in entries), "Entries": entries}

    def test(self, call: Call) -> Document:
        """TestEventPattern."""
        return {"Result": matches(_parsed(call.params["EventPattern"]), _parsed(call.params["Event"]))}

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


def _parsed(text: str) -> Document:
    try:
        parsed = json.loads(text)
    except ValueError:
        parsed = None
    if not isinstance(parsed, dict):
        raise Refusal("InvalidEventPatternException", "Event pattern is not valid. Reason: not a JSON object")
    return parsed
