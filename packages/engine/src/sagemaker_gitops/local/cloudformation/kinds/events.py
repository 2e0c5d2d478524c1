"""EventBridge: rules with their targets, connections, API destinations."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, present, text
from sagemaker_gitops.local.server.clients import Api, parse_document
from sagemaker_gitops.local.server.context import Document, unsupported

_TARGET = frozenset({"Id", "Arn", "RoleArn", "DeadLetterConfig", "RetryPolicy", "InputTransformer", "Input"})


class Rule(Kind):
    """AWS::Events::Rule."""

    type = "AWS::Events::Rule"
    properties = frozenset({"Name", "Description", "EventPattern", "ScheduleExpression", "State", "Targets", "Tags"})
    replacing = frozenset({"Name"})
    name = "Name"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """PutRule, PutTargets."""
        self._put(api, properties, tags=properties.get("Tags", []))
        return str(properties["Name"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """PutRule, PutTargets, RemoveTargets, TagResource."""
        self._put(api, after, tags=[])
        gone = {t["Id"] for t in before.get("Targets", [])} - {t["Id"] for t in after.get("Targets", [])}
        if gone:
            api.call("events", "remove_targets", Rule=identifier, Ids=sorted(gone))
        arn = self.attributes(api, identifier)["Arn"]
        api.call("events", "tag_resource", ResourceARN=arn, Tags=after.get("Tags", []))

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeRule, ListTargetsByRule, ListTagsForResource."""
        answer = api.find("events", "describe_rule", Name=identifier)
        if answer is None:
            return None
        found = present(answer, "Name", "Description", "ScheduleExpression", "State")
        if pattern := answer.get("EventPattern"):
            found["EventPattern"] = parse_document(pattern)
        targets = api.call("events", "list_targets_by_rule", Rule=identifier)["Targets"]
        tags = api.call("events", "list_tags_for_resource", ResourceARN=answer["Arn"])["Tags"]
        return {**found, "Targets": targets, "Tags": tags}

    def delete(self, api: Api, identifier: str) -> None:
        """RemoveTargets, DeleteRule."""
        targets = api.call("events", "list_targets_by_rule", Rule=identifier)["Targets"]
        if targets:
            api.call("events", "remove_targets", Rule=identifier, Ids=[target["Id"] for target in targets])
        api.call("events", "delete_rule", Name=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the rule's ARN."""
        return {"Arn": api.call("events", "describe_rule", Name=identifier)["Arn"]}

    def _put(self, api: Api, properties: Document, *, tags: list[Document]) -> None:
        pattern = {"EventPattern": text(properties["EventPattern"])} if "EventPattern" in properties else {}
        more = present(properties, "Description", "ScheduleExpression", "State")
        api.call("events", "put_rule", Name=properties["Name"], Tags=tags, **pattern, **more)
        targets = properties.get("Targets", [])
        for target in targets:
            if unknown := sorted(set(target) - _TARGET):
                raise unsupported(f"{', '.join(unknown)} of a target of {properties['Name']}")
        if targets:
            api.call("events", "put_targets", Rule=properties["Name"], Targets=targets)


class Connection(Kind):
    """AWS::Events::Connection. EventBridge never answers a secret, so its value is not compared."""

    type = "AWS::Events::Connection"
    properties = frozenset({"Name", "Description", "AuthorizationType", "AuthParameters"})
    replacing = frozenset({"Name"})
    name = "Name"
    hidden = frozenset({"AuthParameters"})

    def create(self, api: Api, properties: Document) -> str:
        """CreateConnection."""
        api.call("events", "create_connection", **properties)
        return str(properties["Name"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """UpdateConnection."""
        api.call("events", "update_connection", **after)

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeConnection."""
        answer = api.find("events", "describe_connection", Name=identifier)
        return None if answer is None else present(answer, "Name", "Description", "AuthorizationType")

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteConnection."""
        api.call("events", "delete_connection", Name=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the connection's ARN."""
        return {"Arn": api.call("events", "describe_connection", Name=identifier)["ConnectionArn"]}


class ApiDestination(Kind):
    """AWS::Events::ApiDestination."""

    type = "AWS::Events::ApiDestination"
    properties = frozenset(
        {"Name", "Description", "ConnectionArn", "HttpMethod", "InvocationEndpoint", "InvocationRateLimitPerSecond"}
    )
    replacing = frozenset({"Name"})
    name = "Name"

    def create(self, api: Api, properties: Document) -> str:
        """CreateApiDestination."""
        api.call("events", "create_api_destination", **properties)
        return str(properties["Name"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """UpdateApiDestination."""
        api.call("events", "update_api_destination", **after)

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeApiDestination."""
        answer = api.find("events", "describe_api_destination", Name=identifier)
        return None if answer is None else present(answer, *self.properties)

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteApiDestination."""
        api.call("events", "delete_api_destination", Name=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the destination's ARN."""
        return {"Arn": api.call("events", "describe_api_destination", Name=identifier)["ApiDestinationArn"]}
