"""SNS: topics and their policies."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, text
from sagemaker_gitops.local.server.api import Api, parsed
from sagemaker_gitops.local.server.context import Document

_ATTRIBUTES = ("DisplayName", "KmsMasterKeyId")


class Topic(Kind):
    """AWS::SNS::Topic."""

    type = "AWS::SNS::Topic"
    properties = frozenset({"TopicName", *_ATTRIBUTES, "Tags"})
    replacing = frozenset({"TopicName"})
    name = "TopicName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateTopic."""
        attributes = {name: properties[name] for name in _ATTRIBUTES if name in properties}
        name, tags = properties["TopicName"], properties.get("Tags", [])
        return str(api.call("sns", "create_topic", Name=name, Attributes=attributes, Tags=tags)["TopicArn"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """SetTopicAttributes, TagResource."""
        for name in _ATTRIBUTES:
            value = after.get(name, "")
            api.call("sns", "set_topic_attributes", TopicArn=identifier, AttributeName=name, AttributeValue=value)
        api.call("sns", "tag_resource", ResourceArn=identifier, Tags=after.get("Tags", []))

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetTopicAttributes, ListTagsForResource."""
        answer = api.find("sns", "get_topic_attributes", TopicArn=identifier)
        if answer is None:
            return None
        found = {name: value for name in _ATTRIBUTES if (value := answer["Attributes"].get(name))}
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
        return {"Topics": topics, "PolicyDocument": parsed(answer["Attributes"]["Policy"])}

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
