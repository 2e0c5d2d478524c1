"""SNS topics and SQS queues, with their policies."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, text
from sagemaker_gitops.local.server.clients import Api, parse_document
from sagemaker_gitops.local.server.context import Document

_TOPIC_ATTRIBUTES = ("DisplayName", "KmsMasterKeyId")


class Topic(Kind):
    """AWS::SNS::Topic."""

    type = "AWS::SNS::Topic"
    properties = frozenset({"TopicName", *_TOPIC_ATTRIBUTES, "Tags"})
    replacing = frozenset({"TopicName"})
    name = "TopicName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateTopic."""
        attributes = {name: properties[name] for name in _TOPIC_ATTRIBUTES if name in properties}
        name, tags = properties["TopicName"], properties.get("Tags", [])
        return str(api.call("sns", "create_topic", Name=name, Attributes=attributes, Tags=tags)["TopicArn"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """SetTopicAttributes, TagResource."""
        for name in _TOPIC_ATTRIBUTES:
            value = after.get(name, "")
            api.call("sns", "set_topic_attributes", TopicArn=identifier, AttributeName=name, AttributeValue=value)
        api.call("sns", "tag_resource", ResourceArn=identifier, Tags=after.get("Tags", []))

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetTopicAttributes, ListTagsForResource."""
        answer = api.find("sns", "get_topic_attributes", TopicArn=identifier)
        if answer is None:
            return None
        found = {name: value for name in _TOPIC_ATTRIBUTES if (value := answer["Attributes"].get(name))}
        tags = api.call("sns", "list_tags_for_resource", ResourceArn=identifier)["Tags"]
        return {"TopicName": identifier.rsplit(":", 1)[-1], **found, "Tags": tags}

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteTopic."""
        api.call("sns", "delete_topic", TopicArn=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the topic's ARN and name."""
        return {"TopicArn": identifier, "TopicName": identifier.rsplit(":", 1)[-1]}


class TopicPolicy(Kind):
    """AWS::SNS::TopicPolicy."""

    type = "AWS::SNS::TopicPolicy"
    properties = frozenset({"Topics", "PolicyDocument"})

    def create(self, api: Api, properties: Document) -> str:
        """SetTopicAttributes."""
        self.update(api, "", before={}, after=properties)
        return ",".join(properties["Topics"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """SetTopicAttributes."""
        for topic in after["Topics"]:
            value = text(after["PolicyDocument"])
            api.call("sns", "set_topic_attributes", TopicArn=topic, AttributeName="Policy", AttributeValue=value)

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetTopicAttributes."""
        topics = identifier.split(",")
        answer = api.find("sns", "get_topic_attributes", TopicArn=topics[0])
        if answer is None:
            return None
        return {"Topics": topics, "PolicyDocument": parse_document(answer["Attributes"]["Policy"])}

    def delete(self, api: Api, identifier: str) -> None:
        """Leave the topic its owner's access alone, as SNS itself begins."""
        for topic in identifier.split(","):
            statement = {
                "Effect": "Allow",
                "Principal": {"AWS": api.place.account},
                "Action": "sns:Publish",
                "Resource": topic,
            }
            value = text({"Version": "2012-10-17", "Statement": [statement]})
            api.call("sns", "set_topic_attributes", TopicArn=topic, AttributeName="Policy", AttributeValue=value)


_QUEUE_ATTRIBUTES = ("KmsMasterKeyId", "MessageRetentionPeriod")


class Queue(Kind):
    """AWS::SQS::Queue."""

    type = "AWS::SQS::Queue"
    properties = frozenset({"QueueName", *_QUEUE_ATTRIBUTES, "Tags"})
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
        found = {name: value for name in _QUEUE_ATTRIBUTES if (value := answer["Attributes"].get(name))}
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
        return {"Queues": queues, "PolicyDocument": parse_document(policy)} if policy else None

    def delete(self, api: Api, identifier: str) -> None:
        """SetQueueAttributes to no policy."""
        for queue in identifier.split(","):
            api.call("sqs", "set_queue_attributes", QueueUrl=queue, Attributes={"Policy": ""})


def _attributes(properties: Document) -> dict[str, str]:
    return {name: str(properties[name]) for name in _QUEUE_ATTRIBUTES if name in properties}
