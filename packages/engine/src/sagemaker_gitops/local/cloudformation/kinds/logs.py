"""CloudWatch Logs: log groups."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind
from sagemaker_gitops.local.server.api import Api
from sagemaker_gitops.local.server.context import Document


class LogGroup(Kind):
    """AWS::Logs::LogGroup."""

    type = "AWS::Logs::LogGroup"
    properties = frozenset({"LogGroupName", "RetentionInDays", "KmsKeyId", "Tags"})
    replacing = frozenset({"LogGroupName"})
    name = "LogGroupName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateLogGroup, PutRetentionPolicy."""
        name = str(properties["LogGroupName"])
        key = {"kmsKeyId": properties["KmsKeyId"]} if "KmsKeyId" in properties else {}
        api.call("logs", "create_log_group", logGroupName=name, tags=_tags(properties), **key)
        self._retain(api, name, properties)
        return name

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """PutRetentionPolicy, AssociateKmsKey, TagResource."""
        self._retain(api, identifier, after)
        if (key := after.get("KmsKeyId")) and key != before.get("KmsKeyId"):
            api.call("logs", "associate_kms_key", logGroupName=identifier, kmsKeyId=key)
        if tags := _tags(after):
            api.call("logs", "tag_resource", resourceArn=self._arn(api, identifier), tags=tags)

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeLogGroups, ListTagsForResource."""
        groups = api.every("logs", "describe_log_groups", "logGroups", logGroupNamePrefix=identifier)
        for group in groups:
            if group["logGroupName"] == identifier:
                tags = api.call("logs", "list_tags_for_resource", resourceArn=self._arn(api, identifier))["tags"]
                found = {"RetentionInDays": group.get("retentionInDays"), "KmsKeyId": group.get("kmsKeyId")}
                listed = [{"Key": key, "Value": value} for key, value in tags.items()]
                return {"LogGroupName": identifier, **{k: v for k, v in found.items() if v}, "Tags": listed}
        return None

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteLogGroup."""
        api.call("logs", "delete_log_group", logGroupName=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the group's ARN, which ends with a star."""
        return {"Arn": f"{self._arn(api, identifier)}:*"}

    def _arn(self, api: Api, name: str) -> str:
        return f"arn:aws:logs:{api.place.region}:{api.place.account}:log-group:{name}"

    def _retain(self, api: Api, name: str, properties: Document) -> None:
        if days := properties.get("RetentionInDays"):
            api.call("logs", "put_retention_policy", logGroupName=name, retentionInDays=int(days))


def _tags(properties: Document) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in properties.get("Tags", [])}
