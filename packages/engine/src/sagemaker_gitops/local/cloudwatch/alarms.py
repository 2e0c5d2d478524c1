"""CloudWatch alarms: moto keeps the definitions, the plane evaluates them and delivers their actions."""

import logging
import time
from collections.abc import Callable
from typing import cast

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.cloudwatch.alarm_actions import Actions, Transition
from sagemaker_gitops.local.cloudwatch.alarm_state import State, Verdict, evaluate, supported
from sagemaker_gitops.local.cloudwatch.metrics import Metrics
from sagemaker_gitops.local.iam.identity import PLACE_KIND
from sagemaker_gitops.local.server.clock import Clock
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.foundation import Foundation
from sagemaker_gitops.local.server.refusal import Refusal, invalid

_LOG = logging.getLogger(__name__)
# How long a state set by hand stands before it is evaluated again: AWS evaluates once a minute.
_HOLD_SECONDS = 60.0
_HOLD_AT_LEAST_REAL_SECONDS = 1.0
_MOTO_NEW = "Unchecked: Initial alarm creation"

Key = tuple[Place, str]


class Alarms:
    """Looks at every alarm in turn."""

    def __init__(
        self, foundation: Foundation, metrics: Metrics, *, flush: Callable[[], None], changes: Callable[[], int]
    ) -> None:
        self._clients = foundation.clients
        self._store = foundation.store
        self._clock: Clock = foundation.clock
        self._metrics = metrics
        self._flush = flush
        self._changes = changes
        self._known_at = -1
        self._known: list[tuple[Place, Document]] = []
        self._actions = Actions(foundation.clients, foundation.events)
        self._seen: dict[Key, State] = {}
        self._held: dict[Key, float] = {}
        self._first_look = True

    def tripped(self, place: Place, names: tuple[str, ...]) -> str | None:
        """Return the first of some alarms that is in ALARM."""
        alarms = self._named(place, names)
        return next((name for name in names if name in alarms and alarms[name]["StateValue"] == "ALARM"), None)

    def require(self, place: Place, names: tuple[str, ...]) -> None:
        """Refuse a deployment whose alarms do not all exist."""
        alarms = self._named(place, names)
        if missing := [name for name in names if name not in alarms]:
            raise invalid(f"The following alarms do not exist: {', '.join(missing)}.")

    def _named(self, place: Place, names: tuple[str, ...]) -> dict[str, Document]:
        if not names:
            return {}
        found = self._clients.cloudwatch(place).describe_alarms(AlarmNames=list(names))["MetricAlarms"]
        return {alarm["AlarmName"]: cast("Document", alarm) for alarm in found}

    def look(self) -> None:
        """Evaluate every alarm once."""
        self._flush()
        try:
            for place, alarm in self._all():
                self._look_at(place, alarm)
        except (ClientError, BotoCoreError) as problem:
            _LOG.warning("alarms: %s", problem)
        self._first_look = False

    def _all(self) -> list[tuple[Place, Document]]:
        # Moto is asked only after somebody, the plane included, has changed an alarm.
        changes = self._changes()
        if changes != self._known_at:
            places = [place for place, _, _ in self._store.everywhere(PLACE_KIND)]
            self._known = [(place, alarm) for place in places for alarm in self._described(place)]
            self._known_at = changes
        return self._known

    def _described(self, place: Place) -> list[Document]:
        pages = self._clients.cloudwatch(place).get_paginator("describe_alarms").paginate()
        return [cast("Document", alarm) for page in pages for alarm in page["MetricAlarms"]]

    def _look_at(self, place: Place, alarm: Document) -> None:
        key = (place, alarm["AlarmName"])
        if alarm.get("StateReason") == _MOTO_NEW:
            # Moto starts an alarm in OK, and again whenever its definition changes; AWS starts with
            # INSUFFICIENT_DATA and leaves the state of a changed alarm as it was.
            state = self._seen.get(key, "INSUFFICIENT_DATA")
            self._set(place, alarm, Verdict(state=state, reason="Unchecked: the definition is new"))
        else:
            state = alarm["StateValue"]
            self._notice(key, alarm, state)
        self._seen[key] = state
        if self._held.get(key, 0.0) <= time.monotonic():
            self._evaluate(place, alarm, state)

    def _notice(self, key: Key, alarm: Document, state: State) -> None:
        """Deliver the actions of a state that somebody set by hand, and let it stand for a while."""
        # At the first look after a start, states are what a former server left.
        before = self._seen.get(key, state if self._first_look else "INSUFFICIENT_DATA")
        if state == before:
            return
        self._deliver(key[0], alarm, before, Verdict(state=state, reason=alarm.get("StateReason", "")))
        hold = max(_HOLD_AT_LEAST_REAL_SECONDS, self._clock.real(_HOLD_SECONDS))
        self._held[key] = time.monotonic() + hold

    def _evaluate(self, place: Place, alarm: Document, state: State) -> None:
        if not supported(alarm):
            return
        try:
            verdict = evaluate(self._metrics, place, alarm, clock=self._clock, now=time.time())
        except Refusal as problem:
            _LOG.warning("alarm %s cannot be evaluated: %s", alarm["AlarmName"], problem)
            return
        if verdict is None or verdict.state == state:
            return
        self._set(place, alarm, verdict)
        self._seen[place, alarm["AlarmName"]] = verdict.state
        self._deliver(place, alarm, state, verdict)

    def _set(self, place: Place, alarm: Document, verdict: Verdict) -> None:
        self._clients.cloudwatch(place).set_alarm_state(
            AlarmName=alarm["AlarmName"], StateValue=verdict.state, StateReason=verdict.reason
        )

    def _deliver(self, place: Place, alarm: Document, before: State, verdict: Verdict) -> None:
        self._actions.deliver(Transition(place=place, alarm=alarm, before=before, verdict=verdict))
