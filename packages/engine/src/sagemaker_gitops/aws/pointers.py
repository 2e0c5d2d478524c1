"""Which release serves, in DynamoDB: one item an endpoint, which client.resolver reads."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import botocore.exceptions

from sagemaker_gitops.aws.session import aws_errors, error_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# A later holder of the lease wins; the same holder's later entry of the ledger does.
_NOT_OLDER = "attribute_not_exists(fence) OR fence < :fence OR (fence = :fence AND #sequence <= :sequence)"


@dataclass(frozen=True, kw_only=True)
class Active:
    """The release that serves, and the ledger's entry that says so."""

    version: int
    variant: str
    fingerprint: str
    commit: str
    sequence: int
    since: datetime


@dataclass(frozen=True, kw_only=True)
class Published:
    """What callers read; `fence` is the lease's number of whoever wrote it."""

    variant: str
    fingerprint: str
    sequence: int
    fence: int


class Pointers:
    """Written by releases, read by callers, compared by reconcile and status."""

    def __init__(self, client: "DynamoDBClient", *, table: str) -> None:
        self._client = client
        self._table = table

    @aws_errors()
    def publish(self, endpoint: str, active: Active, *, fence: int) -> bool:
        """Write what serves; False when a later holder of the lease has written already."""
        try:
            self._client.put_item(
                TableName=self._table,
                Item=_item(endpoint, active, fence=fence),
                ConditionExpression=_NOT_OLDER,
                ExpressionAttributeNames={"#sequence": "sequence"},
                ExpressionAttributeValues={":fence": {"N": str(fence)}, ":sequence": {"N": str(active.sequence)}},
            )
        except botocore.exceptions.ClientError as err:
            if error_code(err) == "ConditionalCheckFailedException":
                return False
            raise
        return True

    @aws_errors()
    def read(self, endpoint: str) -> Published | None:
        """Return what callers read; None when there is nothing."""
        answer = self._client.get_item(TableName=self._table, Key={"endpoint": {"S": endpoint}}, ConsistentRead=True)
        item = answer.get("Item")
        if item is None:
            return None
        return Published(
            variant=item["variant"]["S"],
            fingerprint=item["fingerprint"]["S"],
            sequence=int(item["sequence"]["N"]),
            fence=int(item["fence"]["N"]),
        )


def _item(endpoint: str, active: Active, *, fence: int) -> "dict[str, AttributeValueTypeDef]":
    since = active.since.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    return {
        "endpoint": {"S": endpoint},
        "version": {"N": str(active.version)},
        "variant": {"S": active.variant},
        "fingerprint": {"S": active.fingerprint},
        "commit": {"S": active.commit},
        "since": {"S": since},
        "sequence": {"N": str(active.sequence)},
        "fence": {"N": str(fence)},
    }
