"""What EventBridge of the embedded AWS sends to GitHub, and the event that GitHub makes of it."""

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.act.loopback import Answer, Request
from tests.act.registry import client

_SECONDS = 30


@dataclass(kw_only=True)
class Dispatches:
    """Hands dispatches on to GitHub, and keeps those that it took."""

    aws: Mapping[str, str]
    github: str
    taken: list[dict[str, Any]] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        """Give GitHub's answer."""
        headers = {name: request.headers[name] for name in ("Authorization", "Content-Type", "Accept")}
        onward = urllib.request.Request(self.github + request.path, data=request.body, headers=headers, method="POST")
        try:
            with urllib.request.urlopen(onward, timeout=10) as answer:
                self.taken.append(json.loads(request.body))
                return Answer(status=answer.status, body=b"")
        except urllib.error.HTTPError as refusal:
            return Answer(status=refusal.code, body=refusal.read())

    def found(self, release: int, *reactions: str) -> dict[str, Any]:
        """Put an event of prod's monitor on the bus, and return what starts a workflow on GitHub."""
        detail = {
            "environment": "prod",
            "reason": f'income drifted ({time.monotonic()}); $(id) `id` "quoted"',
            "release": {"version": release, "fingerprint": "0"},
            "reactions": reactions,
        }
        entry = {"Source": "pipeline.monitor", "DetailType": "Monitoring Result", "Detail": json.dumps(detail)}
        client("events", self.aws).put_events(Entries=[entry])
        return self._next(lambda payload: payload["reason"] == detail["reason"])

    def rings(self, alarm: str, reason: str) -> dict[str, Any]:
        """Let an alarm ring, and return what starts a workflow on GitHub."""
        client("cloudwatch", self.aws).set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason=reason)
        return self._next(lambda payload: (payload.get("alarm"), payload["reason"]) == (alarm, reason))

    def _next(self, wanted: Callable[[Mapping[str, Any]], bool]) -> dict[str, Any]:
        end = time.monotonic() + _SECONDS
        while time.monotonic() < end:
            for body in self.taken:
                if wanted(body["client_payload"]):
                    return {"action": body["event_type"], "client_payload": body["client_payload"]}
            time.sleep(0.1)
        raise AssertionError(f"GitHub took nothing of the kind, but {self.taken}")
