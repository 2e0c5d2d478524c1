"""One event on its way to one target, and the dead-letter queue of what could not be delivered."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sagemaker_gitops.local.iam.policy import Access, Policy, Principal, judge_resource
from sagemaker_gitops.local.iam.topics import require_key
from sagemaker_gitops.local.server.clients import Clients, api
from sagemaker_gitops.local.server.context import Document, Place, Refusal

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

_SERVICE = Principal(arn="events.amazonaws.com", account="")


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """An event, the rule that it matches, and one of the rule's targets."""

    place: Place
    rule: Document
    target: Document
    event: Document

    @property
    def arn(self) -> str:
        """The target's ARN."""
        return str(self.target["Arn"])


class Undelivered(Exception):
    """Why a target did not take an event, and what of its retry policy was used up, if anything."""

    def __init__(self, code: str, message: str, *, attempts: int = 0, exhausted: str = "") -> None:
        super().__init__(f"{code}: {message}")
        self.code, self.message, self.attempts, self.exhausted = code, message, attempts, exhausted


class DeadLetters:
    """Targets' dead-letter queues, as far as their policies let EventBridge in."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients

    def keep(self, delivery: Delivery, why: Undelivered) -> bool:
        """Put an event into the target's queue; False when there is none, or it lets nobody in."""
        arn = delivery.target.get("DeadLetterConfig", {}).get("Arn")
        if not arn:
            return False
        client = cast("SQSClient", self._clients.of("sqs", delivery.place))
        account, name = arn.split(":")[4:6]
        url = client.get_queue_url(QueueName=name, QueueOwnerAWSAccountId=account)["QueueUrl"]
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy", "KmsMasterKeyId"])
        attributes = cast("dict[str, str]", answer.get("Attributes", {}))
        if not self._lets_in(attributes, arn, delivery):
            return False
        attributes = {
            "ERROR_CODE": why.code,
            "ERROR_MESSAGE": why.message,
            "EXHAUSTED_RETRY_CONDITION": why.exhausted,
            "RETRY_ATTEMPTS": str(why.attempts),
            "RULE_ARN": delivery.rule["Arn"],
            "TARGET_ARN": delivery.arn,
        }
        client.send_message(
            QueueUrl=url,
            MessageBody=json.dumps(delivery.event),
            MessageAttributes={
                key: {"DataType": "String", "StringValue": value} for key, value in attributes.items() if value
            },
        )
        return True

    def _lets_in(self, attributes: Mapping[str, str], queue: str, delivery: Delivery) -> bool:
        """Tell whether the queue's policy lets this rule in, and its key lets EventBridge encrypt.

        Source: EventBridge User Guide, "Using dead-letter queues".
        """
        asked = Access(action="sqs:SendMessage", resource=queue, context={"aws:SourceArn": (delivery.rule["Arn"],)})
        document = json.loads(attributes.get("Policy", "{}"))
        if judge_resource(Policy(name=queue, document=document), asked, _SERVICE) != "allowed":
            return False
        if key := attributes.get("KmsMasterKeyId"):
            context = {"kms:EncryptionContext:aws:sqs:arn": (queue,)}
            try:
                require_key(api(self._clients, delivery.place), key, _SERVICE.arn, context=context)
            except Refusal:
                return False
        return True
