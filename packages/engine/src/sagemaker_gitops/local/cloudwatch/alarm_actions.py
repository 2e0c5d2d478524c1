"""What follows from an alarm's change of state: its SNS topics are told, and the event bus."""

import datetime as dt
import json
import logging
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.cloudwatch.alarm_state import State, Verdict
from sagemaker_gitops.local.events.bus import Events
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Document, Place

_LOG = logging.getLogger(__name__)
_ACTIONS: dict[State, str] = {
    "ALARM": "AlarmActions",
    "OK": "OKActions",
    "INSUFFICIENT_DATA": "InsufficientDataActions",
}


@dataclass(frozen=True, kw_only=True)
class Transition:
    """An alarm's change of state."""

    place: Place
    alarm: Document
    before: State
    verdict: Verdict


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
        try:
            self._clients.sns(transition.place).publish(
                TopicArn=arn,
                Subject=f'{transition.verdict.state}: "{name}" in {transition.place.region}'[:100],
                Message=json.dumps(_message(transition)),
            )
        except (ClientError, BotoCoreError) as problem:
            _LOG.warning("action %s of alarm %s failed: %s", arn, name, problem)


def _message(transition: Transition) -> Document:
    alarm, place = transition.alarm, transition.place
    names = ("MetricName", "Namespace", "Dimensions", "Period", "EvaluationPeriods", "ComparisonOperator")
    more = ("Threshold", "TreatMissingData", "Statistic", "ExtendedStatistic", "DatapointsToAlarm")
    return {
        "AlarmName": alarm["AlarmName"],
        "AlarmDescription": alarm.get("AlarmDescription"),
        "AWSAccountId": place.account,
        "NewStateValue": transition.verdict.state,
        "NewStateReason": transition.verdict.reason,
        "StateChangeTime": _now(),
        "Region": place.region,
        "AlarmArn": alarm["AlarmArn"],
        "OldStateValue": transition.before,
        "Trigger": {name: alarm[name] for name in (*names, *more) if name in alarm},
    }


def _event(transition: Transition) -> Document:
    alarm, verdict = transition.alarm, transition.verdict
    return {
        "alarmName": alarm["AlarmName"],
        "state": {"value": verdict.state, "reason": verdict.reason, "timestamp": _now()},
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


def _now() -> str:
    return dt.datetime.now(dt.UTC).strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3] + "+0000"
