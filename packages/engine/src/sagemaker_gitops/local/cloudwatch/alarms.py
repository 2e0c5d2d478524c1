"""CloudWatch alarms: moto keeps the definitions; their states and actions are evaluated and delivered here."""

import datetime as dt
import json
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.cloudwatch.alarm_evaluation import Evaluation, State, evaluate, supported
from sagemaker_gitops.local.cloudwatch.metrics import Metrics
from sagemaker_gitops.local.events.bus import Events
from sagemaker_gitops.local.iam.requests import PLACE_KIND
from sagemaker_gitops.local.iam.topics import require_to_publish
from sagemaker_gitops.local.server.clients import Clients, api
from sagemaker_gitops.local.server.context import Clock, Document, Place, Refusal, invalid
from sagemaker_gitops.local.server.service import SharedState

_LOG = logging.getLogger(__name__)
_ACTIONS: dict[State, str] = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}

_SPELLED = {"SampleCount": "SAMPLE_COUNT"}


@dataclass(frozen=True, kw_only=True)
class Transition:
    """An alarm's change of state."""

    place: Place
    alarm: Document
    before: State
    verdict: Evaluation


class Actions:
    """Delivers the actions of alarms."""

    def __init__(self, clients: Clients, events: Events) -> None:
        self._clients = clients
        self._events = events

    def deliver(self, transition: Transition) -> None:
        """Announce a change of state and carry out the actions that it calls for."""
        alarm = transition.alarm
        self._events.put(
            transition.place,
            "aws.cloudwatch",
            "CloudWatch Alarm State Change",
            alarm["AlarmArn"],
            _event(transition),
        )
        if not alarm.get("ActionsEnabled", True):
            return
        for arn in alarm.get(_ACTIONS[transition.verdict.state], []):
            self._act(transition, arn)

    def _act(self, transition: Transition, arn: str) -> None:
        name = transition.alarm["AlarmName"]
        if ":sns:" not in arn:
            _LOG.warning("action %s of alarm %s is not implemented by the local AWS", arn, name)
            return
        place, alarm = transition.place, transition.alarm["AlarmArn"]
        sent = {"aws:SourceArn": (alarm,), "aws:SourceAccount": (place.account,), "aws:SourceOwner": (place.account,)}
        try:
            require_to_publish(api(self._clients, place), arn, "cloudwatch.amazonaws.com", context=sent)
            self._clients.sns(transition.place).publish(
                TopicArn=arn,
                Subject=f'{transition.verdict.state}: "{name}" in {transition.place.region}'[:100],
                Message=json.dumps(_message(transition)),
            )
        except (ClientError, BotoCoreError, Refusal) as problem:
            _LOG.warning("action %s of alarm %s failed: %s", arn, name, problem)


def _message(transition: Transition) -> Document:
    alarm, place = transition.alarm, transition.place
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": place.account,
        "NewStateValue": transition.verdict.state,
        "NewStateReason": transition.verdict.reason,
        "StateChangeTime": _timestamp(),
        "Region": place.region,
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": transition.before,
        **{name: alarm.get(name, []) for name in _ACTIONS.values()},
        "Trigger": _trigger(alarm),
    }


def _trigger(alarm: Document) -> Document:
    """Describe what set an alarm off, in the spelling that CloudWatch's messages have."""
    copied = ("MetricName", "Namespace", "Period", "EvaluationPeriods", "DatapointsToAlarm", "ComparisonOperator")
    found = {name: alarm[name] for name in (*copied, "Threshold") if name in alarm}
    found |= {
        "TreatMissingData": alarm.get("TreatMissingData", "missing"),
        "EvaluateLowSampleCountPercentile": alarm.get("EvaluateLowSampleCountPercentile", ""),
    }
    if "MetricName" not in alarm:
        return {**found, "Metrics": alarm["Metrics"]}
    dimensions = [{"value": item["Value"], "name": item["Name"]} for item in alarm.get("Dimensions", [])]
    kind = "ExtendedStatistic" if "ExtendedStatistic" in alarm else "Statistic"
    statistic = alarm[kind] if kind == "ExtendedStatistic" else _SPELLED.get(alarm[kind], alarm[kind].upper())
    return {**found, "Dimensions": dimensions, "StatisticType": kind, kind: statistic, "Unit": alarm.get("Unit")}


def _event(transition: Transition) -> Document:
    alarm, verdict = transition.alarm, transition.verdict
    return {
        "alarmName": alarm["AlarmName"],
        "state": {"value": verdict.state, "reason": verdict.reason, "timestamp": _timestamp()},
        "previousState": {"value": transition.before},
        "configuration": {"description": alarm.get("AlarmDescription", ""), "metrics": _metrics(alarm)},
    }


def _metrics(alarm: Document) -> list[Document]:
    if "MetricName" not in alarm:
        return [{"id": q["Id"], "returnData": q.get("ReturnData", True)} for q in alarm.get("Metrics", [])]
    metric = {
        "namespace": alarm["Namespace"],
        "name": alarm["MetricName"],
        "dimensions": {d["Name"]: d["Value"] for d in alarm.get("Dimensions", [])},
    }
    stat = alarm.get("ExtendedStatistic") or alarm.get("Statistic")
    stated = {"metric": metric, "period": alarm["Period"], "stat": stat}
    return [{"id": "m1", "metricStat": stated, "returnData": True}]


def _timestamp() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"


# How long a state set by hand stands before it is evaluated again: AWS evaluates once a minute.
_HOLD_SECONDS = 60.0
_HOLD_AT_LEAST_REAL_SECONDS = 1.0
_MOTO_NEW = "Unchecked: Initial alarm creation"

Key = tuple[Place, str]


class Alarms:
    """Looks at every alarm in turn."""

    def __init__(
        self, shared: SharedState, metrics: Metrics, *, flush: Callable[[], None], changes: Callable[[], int]
    ) -> None:
        self._clients = shared.clients
        self._store = shared.store
        self._clock: Clock = shared.clock
        self._metrics = metrics
        self._flush = flush
        self._changes = changes
        self._known_at = -1
        self._known: list[tuple[Place, Document]] = []
        self._actions = Actions(shared.clients, shared.events)
        self._seen: dict[Key, State] = {}
        self._held: dict[Key, float] = {}
        self._told: dict[Key, str] = {}
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
        for place, alarm in self._all():
            try:
                self._look_at(place, alarm)
            except Exception as problem:  # noqa: BLE001 - what is wrong with one alarm touches that one alone
                self._tell(place, alarm, problem)
        self._first_look = False

    def _tell(self, place: Place, alarm: Document, problem: Exception) -> None:
        key, said = (place, alarm["AlarmName"]), repr(problem)
        if self._told.get(key) != said:
            _LOG.error("alarm %s cannot be evaluated: %s", alarm["AlarmName"], said, exc_info=problem)
        self._told[key] = said

    def _all(self) -> list[tuple[Place, Document]]:
        # Moto is asked only after somebody, the embedded AWS included, has changed an alarm.
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
            self._set(place, alarm, Evaluation(state=state, reason="Unchecked: the definition is new"))
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
        self._deliver(key[0], alarm, before, Evaluation(state=state, reason=alarm.get("StateReason", "")))
        hold = max(_HOLD_AT_LEAST_REAL_SECONDS, self._clock.real(_HOLD_SECONDS))
        self._held[key] = time.monotonic() + hold

    def _evaluate(self, place: Place, alarm: Document, state: State) -> None:
        if not supported(alarm):
            return
        verdict = evaluate(self._metrics, place, alarm, clock=self._clock, now=time.time())
        if verdict is None or verdict.state == state:
            return
        self._set(place, alarm, verdict)
        self._seen[place, alarm["AlarmName"]] = verdict.state
        self._deliver(place, alarm, state, verdict)

    def _set(self, place: Place, alarm: Document, verdict: Evaluation) -> None:
        self._clients.cloudwatch(place).set_alarm_state(
            AlarmName=alarm["AlarmName"], StateValue=verdict.state, StateReason=verdict.reason
        )

    def _deliver(self, place: Place, alarm: Document, before: State, verdict: Evaluation) -> None:
        self._actions.deliver(Transition(place=place, alarm=alarm, before=before, verdict=verdict))
