"""The lease of an endpoint in DynamoDB: an owner, an expiry, and a number that only grows."""

from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING

import botocore.exceptions

from sagemaker_gitops.aws.session import aws_errors, error_code
from sagemaker_gitops.errors import LeaseLost

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

_FREE_OR_OURS = "attribute_not_exists(endpoint) OR expires < :now OR holder = :owner"
# Always true; DynamoDB refuses values that no expression uses.
_ANYBODYS = "attribute_not_exists(endpoint) OR expires < :now OR expires >= :now"


@dataclass(frozen=True, kw_only=True)
class Held:
    """The lease as it stands; `expires` in epoch seconds."""

    endpoint: str
    owner: str
    token: int
    expires: float


class Lease:
    """One item an endpoint; its token fences off whoever held it before."""

    def __init__(self, client: "DynamoDBClient", *, table: str) -> None:
        self._client = client
        self._table = table

    @aws_errors()
    def acquire(self, endpoint: str, owner: str, *, now: float, seconds: float) -> Held | None:
        """Take a free or expired lease; None when somebody else holds it."""
        try:
            return self._take(endpoint, owner, now=now, seconds=seconds, condition=_FREE_OR_OURS)
        except botocore.exceptions.ClientError as err:
            if error_code(err) == "ConditionalCheckFailedException":
                return None
            raise

    @aws_errors()
    def take_over(self, endpoint: str, owner: str, *, now: float, seconds: float) -> Held:
        """Take the lease from whoever holds it."""
        return self._take(endpoint, owner, now=now, seconds=seconds, condition=_ANYBODYS)

    @aws_errors()
    def holder(self, endpoint: str) -> Held | None:
        """Say who holds the lease, expired or not."""
        answer = self._client.get_item(TableName=self._table, Key=_key(endpoint), ConsistentRead=True)
        return _held(answer["Item"]) if "Item" in answer else None

    @aws_errors()
    def renew(self, endpoint: str, token: int, *, now: float, seconds: float) -> None:
        """Extend a lease; LeaseLost when it was taken over."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(endpoint),
                UpdateExpression="SET expires = :expires",
                ConditionExpression="fence = :fence",
                ExpressionAttributeValues={":expires": _number(now + seconds), ":fence": {"N": str(token)}},
            )
        except botocore.exceptions.ClientError as err:
            if error_code(err) == "ConditionalCheckFailedException":
                raise self._lost(endpoint, token) from err
            raise

    @aws_errors()
    def release(self, endpoint: str, token: int) -> None:
        """Give a lease back; no error when it was taken over."""
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_key(endpoint),
                UpdateExpression="SET expires = :zero",
                ConditionExpression="fence = :fence",
                ExpressionAttributeValues={":zero": {"N": "0"}, ":fence": {"N": str(token)}},
            )
        except botocore.exceptions.ClientError as err:
            if error_code(err) != "ConditionalCheckFailedException":
                raise

    def _take(self, endpoint: str, owner: str, *, now: float, seconds: float, condition: str) -> Held:
        answer = self._client.update_item(
            TableName=self._table,
            Key=_key(endpoint),
            UpdateExpression="SET holder = :owner, expires = :expires ADD fence :one",
            ConditionExpression=condition,
            ExpressionAttributeValues={
                ":owner": {"S": owner},
                ":now": _number(now),
                ":expires": _number(now + seconds),
                ":one": {"N": "1"},
            },
            ReturnValues="ALL_NEW",
        )
        return _held(answer["Attributes"])

    def _lost(self, endpoint: str, token: int) -> LeaseLost:
        holder = self.holder(endpoint)
        return LeaseLost(
            f"{holder.owner if holder else 'somebody'} took this endpoint over; nothing more was changed here",
            where=f"endpoint {endpoint}, lease {token}, now {holder.token if holder else 'gone'}",
            next_step="read `pipeline history` for what the other one did",
        )


def _key(endpoint: str) -> "dict[str, AttributeValueTypeDef]":
    return {"endpoint": {"S": endpoint}}


def _number(value: float) -> "AttributeValueTypeDef":
    return {"N": str(Decimal(str(round(value, 3))))}


def _held(item: "dict[str, AttributeValueTypeDef]") -> Held:
    return Held(
        endpoint=item["endpoint"]["S"],
        owner=item["holder"]["S"],
        token=int(item["fence"]["N"]),
        expires=float(item["expires"]["N"]),
    )
