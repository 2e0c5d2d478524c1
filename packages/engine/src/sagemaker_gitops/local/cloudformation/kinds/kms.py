"""KMS: keys and their aliases."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, text
from sagemaker_gitops.local.server.clients import Api, parse_document
from sagemaker_gitops.local.server.context import Document


class Key(Kind):
    """AWS::KMS::Key."""

    type = "AWS::KMS::Key"
    properties = frozenset({"Description", "KeyPolicy", "EnableKeyRotation", "PendingWindowInDays", "Tags"})
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateKey."""
        policy = text(properties["KeyPolicy"])
        answer = api.call("kms", "create_key", Description=properties.get("Description", ""), Policy=policy)
        key = str(answer["KeyMetadata"]["KeyId"])
        self._rotate(api, key, properties)
        self._tag(api, key, properties)
        return key

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """PutKeyPolicy, UpdateKeyDescription, rotation and tags."""
        api.call("kms", "put_key_policy", KeyId=identifier, PolicyName="default", Policy=text(after["KeyPolicy"]))
        api.call("kms", "update_key_description", KeyId=identifier, Description=after.get("Description", ""))
        self._rotate(api, identifier, after)
        gone = {tag["Key"] for tag in before.get("Tags", [])} - {tag["Key"] for tag in after.get("Tags", [])}
        if gone:
            api.call("kms", "untag_resource", KeyId=identifier, TagKeys=sorted(gone))
        self._tag(api, identifier, after)

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeKey, GetKeyPolicy, GetKeyRotationStatus, ListResourceTags."""
        answer = api.find("kms", "describe_key", KeyId=identifier)
        if answer is None or answer["KeyMetadata"]["KeyState"] == "PendingDeletion":
            return None
        tags = api.call("kms", "list_resource_tags", KeyId=identifier)["Tags"]
        return {
            "Description": answer["KeyMetadata"]["Description"],
            "KeyPolicy": parse_document(
                api.call("kms", "get_key_policy", KeyId=identifier, PolicyName="default")["Policy"]
            ),
            "EnableKeyRotation": api.call("kms", "get_key_rotation_status", KeyId=identifier)["KeyRotationEnabled"],
            "Tags": [{"Key": tag["TagKey"], "Value": tag["TagValue"]} for tag in tags],
        }

    def delete(self, api: Api, identifier: str) -> None:
        """ScheduleKeyDeletion: AWS gives 30 days to change one's mind."""
        api.call("kms", "schedule_key_deletion", KeyId=identifier, PendingWindowInDays=30)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the key's ARN."""
        metadata = api.call("kms", "describe_key", KeyId=identifier)["KeyMetadata"]
        return {"Arn": metadata["Arn"], "KeyId": identifier}

    def find(self, api: Api, properties: Document) -> str | None:
        """Find nothing: keys have no name to be found by."""
        return None

    def _rotate(self, api: Api, key: str, properties: Document) -> None:
        switch = "enable_key_rotation" if properties.get("EnableKeyRotation") else "disable_key_rotation"
        api.call("kms", switch, KeyId=key)

    def _tag(self, api: Api, key: str, properties: Document) -> None:
        if tags := [{"TagKey": tag["Key"], "TagValue": tag["Value"]} for tag in properties.get("Tags", [])]:
            api.call("kms", "tag_resource", KeyId=key, Tags=tags)


class Alias(Kind):
    """AWS::KMS::Alias."""

    type = "AWS::KMS::Alias"
    properties = frozenset({"AliasName", "TargetKeyId"})
    replacing = frozenset({"AliasName"})
    name = "AliasName"

    def create(self, api: Api, properties: Document) -> str:
        """CreateAlias."""
        api.call("kms", "create_alias", AliasName=properties["AliasName"], TargetKeyId=properties["TargetKeyId"])
        return str(properties["AliasName"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """UpdateAlias."""
        api.call("kms", "update_alias", AliasName=identifier, TargetKeyId=after["TargetKeyId"])

    def read(self, api: Api, identifier: str) -> Document | None:
        """Find the alias among all."""
        for alias in api.every("kms", "list_aliases", "Aliases"):
            if alias["AliasName"] == identifier and alias.get("TargetKeyId"):
                return {"AliasName": identifier, "TargetKeyId": alias["TargetKeyId"]}
        return None

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteAlias."""
        api.call("kms", "delete_alias", AliasName=identifier)
