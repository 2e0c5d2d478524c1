"""SQS: queues and their policies."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, text
from sagemaker_gitops.local.server.api import Api, parsed
from sagemaker_gitops.local.server.context import Document

_ATTRIBUTES = ("KmsMasterKeyId", "MessageRetentionPeriod")


class Queue(Kind):
    """AWS::SQS::Queue."""

    type = "AWS::SQS::Queue"
    properties = frozenset({"QueueName", *_ATTRIBUTES, "Tags"})
    replacing = frozenset({"QueueName"})
    name = "QueueName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateQueue."""
        tags = {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
        name, attributes = properties["QueueName"], _attributes(properties)
        return str(api.call("sqs", "create_queue", QueueName=name, Attributes=attributes, tags=tags)["QueueUrl"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """SetQueueAttributes."""
        api.call("sqs", "set_queue_attributes", QueueUrl=identifier, Attributes=_attributes(after))

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetQueueAttributes, ListQueueTags."""
        answer = api.find("sqs", "get_queue_attributes", QueueUrl=identifier, AttributeNames=["All"])
        if answer is None:
            return None
        found = {name: value for name in _ATTRIBUTES if (value := answer["Attributes"].get(name))}
        tags = api.call("sqs", "list_queue_tags", QueueUrl=identifier).get("Tags", {})
        listed = [{"Key": key, "Value": value} for key, value in tags.items()]
        return {"QueueName": identifier.rsplit("/", 1)[-1], **found, "Tags": listed}

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteQueue."""
        api.call("sqs", "delete_queue", QueueUrl=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the queue's ARN."""
        answer = api.call("sqs", "get_queue_attributes", QueueUrl=identifier, AttributeNames=["QueueArn"])
        return {"Arn": answer["Attributes"]["QueueArn"], "QueueName": identifier.rsplit("/", 1)[-1]}


class QueuePolicy(Kind):
    """AWS::SQS::QueuePolicy."""

    type = "AWS::SQS::QueuePolicy"
    properties = frozenset({"Queues", "PolicyDocument"})

    def create(self, api: Api, properties: Document) -> str:
        """SetQueueAttributes."""
        self.update(api, "", before={}, after=properties)
        return ",".join(properties["Queues"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """SetQueueAttributes."""
        for queue in after["Queues"]:
            attributes = {"Policy": text(after["PolicyDocument"])}
            api.call("sqs", "set_queue_attributes", QueueUrl=queue, Attributes=attributes)

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetQueueAttributes."""
        queues = identifier.split(",")
        answer = api.find("sqs", "get_queue_attributes", QueueUrl=queues[0], AttributeNames=["Policy"])
        policy = (answer or {}).get("Attributes", {}).get("Policy")
        return {"Queues": queues, "PolicyDocument": parsed(policy)} if policy else None

    def delete(self, api: Api, identifier: str) -> None:
        """SetQueueAttributes to no policy."""
        for queue in identifier.split(","):
            api.call("sqs", "set_queue_attributes", QueueUrl=queue, Attributes={"Policy": ""})


def _attributes(properties: Document) -> dict[str, str]:
    return {name: str(properties[name]) for name in _ATTRIBUTES if name in properties}
