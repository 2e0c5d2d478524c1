"""From an event through the rules that match it to their targets.

Moto keeps the rules and their targets, but fails on targets other than queues, log groups and
buses; so the plane matches and delivers. Schedules never fire.
"""

import datetime as dt
import json
import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

import regex
from botocore.exceptions import ClientError

from pipeline.local.api import api
from pipeline.local.clients import Clients
from pipeline.local.event_pattern import matches
from pipeline.local.place import Document, Place

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_LOG = logging.getLogger(__name__)
_STEP = regex.compile(r"\.([\w-]+)|\[(\d+)\]")
_PLACEHOLDER = regex.compile(r"<([\w.-]+)>")


@dataclass(frozen=True, kw_only=True)
class Event:
    """One event on a bus."""

    place: Place
    id: str
    bus: str
    source: str
    detail_type: str
    resources: tuple[str, ...]
    detail: Document
    time: dt.datetime

    def document(self) -> Document:
        """Return the event as patterns see it and targets get it."""
        return {
            "version": "0",
            "id": self.id,
            "detail-type": self.detail_type,
            "source": self.source,
            "account": self.place.account,
            "time": self.time.astimezone(dt.UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "region": self.place.region,
            "resources": list(self.resources),
            "detail": self.detail,
        }


class Targets:
    """Finds the targets of an event and sends it there."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def deliver(self, event: Event) -> None:
        """Send an event to every target of every rule that matches."""
        document = event.document()
        for rule in self._rules(event):
            for target in self._of(event, rule["Name"]):
                try:
                    self._send(event, rule, target, document)
                except ClientError as problem:
                    _LOG.warning("rule %s, target %s: %s", rule["Name"], target["Arn"], problem)

    def _rules(self, event: Event) -> Iterator[Document]:
        client = self._clients.events(event.place)
        try:
            pages = list(client.get_paginator("list_rules").paginate(EventBusName=event.bus))
        except client.exceptions.ResourceNotFoundException:
            return
        document = event.document()
        for page in pages:
            for rule in page["Rules"]:
                enabled = rule.get("State") != "DISABLED" and rule.get("EventPattern")
                if enabled and matches(json.loads(rule["EventPattern"]), document):
                    yield cast("Document", rule)

    def _of(self, event: Event, rule: str) -> list[Document]:
        client = self._clients.events(event.place)
        found = client.list_targets_by_rule(Rule=rule, EventBusName=event.bus)["Targets"]
        return [cast("Document", target) for target in found]

    def _send(self, event: Event, rule: Document, target: Document, document: Document) -> None:
        arn, text = target["Arn"], _input(target, document, rule)
        service, place = arn.split(":")[2], replace(event.place, region=arn.split(":")[3] or event.place.region)
        if service == "sqs":
            self._to_queue(place, target, text)
        elif service == "sns":
            self._clients.sns(place).publish(TopicArn=arn, Message=text)
        elif service == "lambda":
            self._to_function(place, rule, arn, text)
        elif service == "logs":
            self._to_log(place, arn, rule["Name"], text)
        elif service == "events":
            self.deliver(replace(event, place=place, bus=arn.rsplit("/", 1)[-1]))
        else:
            _LOG.warning("rule %s: the local AWS does not deliver to %s", rule["Name"], arn)

    def _to_queue(self, place: Place, target: Document, text: str) -> None:
        client = cast("SQSClient", self._clients.of("sqs", place))
        account, name = target["Arn"].split(":")[4:6]
        url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        group = target.get("SqsParameters", {}).get("MessageGroupId")
        more = {"MessageGroupId": group} if group else {}
        client.send_message(QueueUrl=url, MessageBody=text, **more)

    def _to_function(self, place: Place, rule: Document, arn: str, text: str) -> None:
        """Call a function, if its policy lets this rule."""
        client = api(self._clients, place)
        policy = client.find("lambda", "get_policy", FunctionName=arn.rsplit(":", 1)[-1])
        statements = json.loads(policy["Policy"])["Statement"] if policy else []
        if not any(_lets(rule, statement) for statement in statements):
            _LOG.warning("rule %s may not call %s", rule["Name"], arn)
            return
        client.call("lambda", "invoke", FunctionName=arn, InvocationType="Event", Payload=text)

    def _to_log(self, place: Place, arn: str, rule: str, text: str) -> None:
        client, group, stream = self._clients.logs(place), arn.split(":")[6], f"rule-{rule}"
        with suppress(client.exceptions.ResourceAlreadyExistsException):
            client.create_log_stream(logGroupName=group, logStreamName=stream)
        event = {"timestamp": int(time.time() * 1000), "message": text}
        client.put_log_events(logGroupName=group, logStreamName=stream, logEvents=[event])  # type: ignore[list-item]


def _lets(rule: Document, statement: Document) -> bool:
    source = statement.get("Condition", {}).get("ArnLike", {}).get("AWS:SourceArn")
    return statement["Principal"] == {"Service": "events.amazonaws.com"} and source in {None, rule["Arn"]}


def _input(target: Document, document: Document, rule: Document) -> str:
    """Return what a target is sent: the event, a part of it, a constant or a filled template."""
    if "Input" in target:
        return str(target["Input"])
    if "InputPath" in target:
        return json.dumps(_at(target["InputPath"], document))
    if "InputTransformer" in target:
        return _transformed(target["InputTransformer"], document, rule)
    return json.dumps(document)


def _transformed(transformer: Document, document: Document, rule: Document) -> str:
    values = {name: _at(path, document) for name, path in transformer.get("InputPathsMap", {}).items()}
    values["aws.events.event.json"] = document
    values["aws.events.rule-arn"] = rule["Arn"]
    values["aws.events.rule-name"] = rule["Name"]
    values["aws.events.event.ingestion-time"] = document["time"]

    def fill(found: "regex.Match[str]") -> str:
        value = values.get(found[1], "")
        return value if isinstance(value, str) else json.dumps(value)

    return _PLACEHOLDER.sub(fill, transformer["InputTemplate"])


def _at(path: str, document: Document) -> object:
    """Return what a JSON path like $.detail.items[0] names, or None."""
    value: object = document
    for name, index in _STEP.findall(path.removeprefix("$")):
        if name:
            value = value.get(name) if isinstance(value, dict) else None
        else:
            value = value[int(index)] if isinstance(value, list) and int(index) < len(value) else None
    return value
