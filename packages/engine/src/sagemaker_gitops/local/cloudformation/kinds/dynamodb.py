"""DynamoDB: tables."""

from collections.abc import Mapping

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, present
from sagemaker_gitops.local.server.clients import Api
from sagemaker_gitops.local.server.context import Document, unsupported

_TTL = "TimeToLiveSpecification"
_BACKUPS = "PointInTimeRecoverySpecification"


class Table(Kind):
    """AWS::DynamoDB::Table."""

    type = "AWS::DynamoDB::Table"
    properties = frozenset(
        {
            "TableName",
            "AttributeDefinitions",
            "KeySchema",
            "BillingMode",
            "SSESpecification",
            "DeletionProtectionEnabled",
            "GlobalSecondaryIndexes",
            _BACKUPS,
            _TTL,
            "Tags",
        }
    )
    replacing = frozenset({"TableName", "KeySchema"})
    name = "TableName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateTable, then backups and expiry."""
        table = str(properties["TableName"])
        encryption = properties.get("SSESpecification")
        api.call(
            "dynamodb",
            "create_table",
            **{key: properties[key] for key in ("TableName", "AttributeDefinitions", "KeySchema")},
            **present(properties, "BillingMode", "DeletionProtectionEnabled", "GlobalSecondaryIndexes", "Tags"),
            **({"SSESpecification": _encryption(encryption)} if encryption else {}),
        )
        self._settle(api, table, before={}, after=properties)
        return table

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """UpdateTable, backups, expiry and tags."""
        for fixed in ("AttributeDefinitions", "SSESpecification", "GlobalSecondaryIndexes"):
            if before.get(fixed) != after.get(fixed):
                raise unsupported(f"a change of {fixed} of a DynamoDB table")
        protected = bool(after.get("DeletionProtectionEnabled"))
        api.call(
            "dynamodb",
            "update_table",
            TableName=identifier,
            DeletionProtectionEnabled=protected,
            **present(after, "BillingMode"),
        )
        self._settle(api, identifier, before=before, after=after)
        arn = self.attributes(api, identifier)["Arn"]
        # Moto keeps a tag twice that it is given twice.
        if new := [tag for tag in after.get("Tags", []) if tag not in before.get("Tags", [])]:
            api.call("dynamodb", "tag_resource", ResourceArn=arn, Tags=new)

    def read(self, api: Api, identifier: str) -> Document | None:
        """DescribeTable, DescribeContinuousBackups, DescribeTimeToLive, ListTagsOfResource."""
        answer = api.find("dynamodb", "describe_table", TableName=identifier)
        if answer is None:
            return None
        table = answer["Table"]
        found: Document = {
            "TableName": identifier,
            "AttributeDefinitions": table["AttributeDefinitions"],
            "KeySchema": table["KeySchema"],
            "BillingMode": table["BillingModeSummary"]["BillingMode"],
            "DeletionProtectionEnabled": table.get("DeletionProtectionEnabled", False),
            _BACKUPS: self._backups(api, identifier),
            "Tags": api.call("dynamodb", "list_tags_of_resource", ResourceArn=table["TableArn"])["Tags"],
        }
        if encryption := table.get("SSEDescription"):
            found["SSESpecification"] = {
                "SSEEnabled": encryption["Status"] == "ENABLED",
                "SSEType": encryption["SSEType"],
                "KMSMasterKeyId": encryption["KMSMasterKeyArn"],
            }
        if expiry := self._expiry(api, identifier):
            found[_TTL] = expiry
        return found

    def as_reported(self, api: Api, actual: Document) -> Document:
        """Name the key by its ARN, as DescribeTable does, whatever the template calls it."""
        encryption = actual.get("SSESpecification", {})
        if not str(encryption.get("KMSMasterKeyId", "")).startswith("alias/"):
            return actual
        key = api.call("kms", "describe_key", KeyId=encryption["KMSMasterKeyId"])["KeyMetadata"]["Arn"]
        return {**actual, "SSESpecification": {**encryption, "KMSMasterKeyId": key}}

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteTable, which refuses a protected one."""
        api.call("dynamodb", "delete_table", TableName=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the table's ARN."""
        return {"Arn": api.call("dynamodb", "describe_table", TableName=identifier)["Table"]["TableArn"]}

    def _settle(self, api: Api, table: str, *, before: Document, after: Document) -> None:
        if before.get(_BACKUPS) != after.get(_BACKUPS):
            backups = after.get(_BACKUPS, {"PointInTimeRecoveryEnabled": False})
            api.call("dynamodb", "update_continuous_backups", TableName=table, **{_BACKUPS: backups})
        if before.get(_TTL) != after.get(_TTL):
            api.call("dynamodb", "update_time_to_live", TableName=table, **{_TTL: _ttl(before, after)})

    def _backups(self, api: Api, table: str) -> Document:
        answer = api.call("dynamodb", "describe_continuous_backups", TableName=table)
        status = answer["ContinuousBackupsDescription"]["PointInTimeRecoveryDescription"]
        return {"PointInTimeRecoveryEnabled": status["PointInTimeRecoveryStatus"] == "ENABLED"}

    def _expiry(self, api: Api, table: str) -> Document:
        found = api.call("dynamodb", "describe_time_to_live", TableName=table)["TimeToLiveDescription"]
        if found.get("TimeToLiveStatus") != "ENABLED":
            return {}
        return {"Enabled": True, "AttributeName": found["AttributeName"]}


def _ttl(before: Document, after: Document) -> Document:
    return dict(after[_TTL]) if _TTL in after else {**before[_TTL], "Enabled": False}


def _encryption(specification: Document) -> Document:
    return {"Enabled": specification["SSEEnabled"], **present(specification, "SSEType", "KMSMasterKeyId")}
