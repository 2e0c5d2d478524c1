"""One event on its way to one target, and the dead-letter queue of what could not be delivered."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, cast

from sagemaker_gitops.local.iam.policy import Access, Policy, Principal, judge_resource
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Document, Place

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
        answer = client.get_queue_attributes(QueueUrl=url, AttributeNames=["Policy"])
        if not _lets_in(answer.get("Attributes", {}).get("Policy", ""), arn, delivery):
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


def _lets_in(policy: str, queue: str, delivery: Delivery) -> bool:
    context = {"aws:SourceAccount": (delivery.place.account,), "aws:SourceArn": (delivery.rule["Arn"],)}
    asked = Access(action="sqs:SendMessage", resource=queue, context=context)
    document = json.loads(policy) if policy else {}
    return judge_resource(Policy(name=queue, document=document), asked, _SERVICE) == "allowed"
