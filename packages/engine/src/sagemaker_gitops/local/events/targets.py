"""From an event through the rules that match it to their targets.

Moto keeps the rules and their targets, but fails on targets other than queues, log groups and
buses, so events are matched and delivered here. Schedules never fire.
"""

import datetime as dt
import json
import logging
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, cast

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.cloudwatch.metrics import Datum, Metrics, series_of
from sagemaker_gitops.local.events.api_destinations import ApiDestinations
from sagemaker_gitops.local.events.delivery import DeadLetters, Delivery, Undelivered
from sagemaker_gitops.local.events.inputs import input_of
from sagemaker_gitops.local.events.patterns import matches_pattern
from sagemaker_gitops.local.iam.topics import require_to_publish
from sagemaker_gitops.local.server.clients import Clients, api
from sagemaker_gitops.local.server.context import Document, Place, Refusal

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_LOG = logging.getLogger(__name__)


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

    def __init__(self, clients: Clients, destinations: ApiDestinations, metrics: Metrics) -> None:
        self._clients = clients
        self._metrics = metrics
        self._destinations = destinations
        self._dead_letters = DeadLetters(clients)

    def deliver(self, event: Event) -> None:
        """Send an event to every target of every rule that matches."""
        document = event.document()
        for rule in self._rules(event):
            for target in self._of(event, rule["Name"]):
                delivery = Delivery(place=event.place, rule=rule, target=target, event=document)
                if ":api-destination/" in delivery.arn:
                    # It may be repeated for hours, while the next event waits for nothing.
                    threading.Thread(target=self._try, args=(event, delivery), daemon=True).start()
                else:
                    self._try(event, delivery)

    def _try(self, event: Event, delivery: Delivery) -> None:
        try:
            self._send(event, delivery)
        except Undelivered as why:
            self._keep(delivery, why)
        except ValueError as problem:
            self._keep(delivery, Undelivered("INVALID_JSON", str(problem)))
        except (ClientError, BotoCoreError) as problem:
            self._keep(delivery, Undelivered("SDK_CLIENT_ERROR", str(problem)))

    def _keep(self, delivery: Delivery, why: Undelivered) -> None:
        rule = delivery.rule["Name"]
        failed = series_of(delivery.place, "AWS/Events", "FailedInvocations", {"RuleName": rule})
        self._metrics.put([(failed, Datum(time=time.time(), values=(1.0,), counts=(1.0,), unit="Count"))])
        try:
            kept = "kept in its queue" if self._dead_letters.keep(delivery, why) else "lost"
        except (ClientError, BotoCoreError) as problem:
            kept = f"lost: {problem}"
        _LOG.warning("rule %s, target %s: %s; the event is %s", rule, delivery.arn, why, kept)

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
                if enabled and matches_pattern(json.loads(rule["EventPattern"]), document):
                    yield cast("Document", rule)

    def _of(self, event: Event, rule: str) -> list[Document]:
        client = self._clients.events(event.place)
        found = client.list_targets_by_rule(Rule=rule, EventBusName=event.bus)["Targets"]
        return [cast("Document", target) for target in found]

    def _send(self, event: Event, delivery: Delivery) -> None:
        target, rule, arn = delivery.target, delivery.rule, delivery.arn
        text = input_of(target, delivery.event, rule)
        service, place = arn.split(":")[2], replace(event.place, region=arn.split(":")[3] or event.place.region)
        if service == "sqs":
            self._to_queue(place, target, text)
        elif service == "sns":
            self._to_topic(place, arn, text)
        elif service == "lambda":
            self._to_function(place, rule, arn, text)
        elif service == "logs":
            self._to_log(place, arn, rule["Name"], text)
        elif ":api-destination/" in arn:
            self._destinations.send(delivery, text)
        elif service == "events":
            self.deliver(replace(event, place=place, bus=arn.rsplit("/", 1)[-1]))
        else:
            raise Undelivered("NO_RESOURCE", f"the local AWS does not deliver to {arn}")

    def _to_queue(self, place: Place, target: Document, text: str) -> None:
        client = cast("SQSClient", self._clients.of("sqs", place))
        account, name = target["Arn"].split(":")[4:6]
        url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        group = target.get("SqsParameters", {}).get("MessageGroupId")
        more = {"MessageGroupId": group} if group else {}
        client.send_message(QueueUrl=url, MessageBody=text, **more)

    def _to_topic(self, place: Place, topic: str, text: str) -> None:
        try:
            require_to_publish(api(self._clients, place), topic, "events.amazonaws.com")
        except Refusal as refusal:
            raise Undelivered("NO_PERMISSIONS", refusal.message) from refusal
        self._clients.sns(place).publish(TopicArn=topic, Message=text)

    def _to_function(self, place: Place, rule: Document, arn: str, text: str) -> None:
        """Call a function, if its policy lets this rule."""
        client = api(self._clients, place)
        policy = client.find("lambda", "get_policy", FunctionName=arn.rsplit(":", 1)[-1])
        statements = json.loads(policy["Policy"])["Statement"] if policy else []
        if not any(_lets(rule, statement) for statement in statements):
            raise Undelivered("NO_PERMISSIONS", f"the function's policy does not let the rule {rule['Name']} call it")
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
