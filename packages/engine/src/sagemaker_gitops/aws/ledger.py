"""The ledger: a DynamoDB table that only grows, and a copy of each line under S3 Object Lock."""

from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING

import botocore.exceptions

from sagemaker_gitops.aws.lease import Held
from sagemaker_gitops.aws.session import aws_errors, write_new
from sagemaker_gitops.errors import LeaseLost, LedgerConflict

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TransactWriteItemTypeDef
    from mypy_boto3_s3 import S3Client


@dataclass(frozen=True, kw_only=True)
class Record:
    """A line as the table keeps it."""

    sequence: int
    text: str


@dataclass(frozen=True, kw_only=True)
class Copy:
    """A line as the bucket keeps it, with what protects it."""

    sequence: int
    text: str
    versions: int
    locked: bool
    deleted: bool = False


class Ledger:
    """The ledger of one environment."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        s3: "S3Client",
        *,
        environment: str,
        table: str,
        bucket: str,
        lease_table: str,
    ) -> None:
        self._dynamodb = dynamodb
        self._s3 = s3
        self._environment = environment
        self._table = table
        self._bucket = bucket
        self._lease_table = lease_table

    @aws_errors()
    def records(self) -> list[Record]:
        """Read every line in order."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="environment = :environment",
            ExpressionAttributeValues={":environment": {"S": self._environment}},
            ConsistentRead=True,
        )
        return [
            Record(sequence=int(item["sequence"]["N"]), text=item["entry"]["S"])
            for page in pages
            for item in page["Items"]
        ]

    @aws_errors()
    def append(self, sequence: int, text: str, *, fence: Held | None) -> None:
        """Write the next line, if its place is free and the lease still stands: both or nothing."""
        checks = [self._lease_stands(fence)] if fence else []
        try:
            self._dynamodb.transact_write_items(TransactItems=[self._new_line(sequence, text), *checks])
        except botocore.exceptions.ClientError as err:
            if "ConditionalCheckFailed" not in _reasons(err):
                raise
            raise self._refusal(err, sequence, fenced=fence is not None) from err

    @aws_errors()
    def lock(self, sequence: int, text: str, *, until: datetime) -> None:
        """Keep a copy that nobody, root included, can alter before a moment."""
        write_new(
            partial(
                self._s3.put_object,
                Bucket=self._bucket,
                Key=self._key(sequence),
                Body=text.encode(),
                ContentType="application/json",
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
                ObjectLockMode="COMPLIANCE",
                ObjectLockRetainUntilDate=until,
            )
        )

    @aws_errors()
    def copies(self) -> list[Copy]:
        """Read every locked copy, with all that happened to it."""
        versions: dict[str, list[str]] = {}
        deleted: set[str] = set()
        for page in self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self._bucket, Prefix=f"ledger/{self._environment}/"
        ):
            for item in page.get("Versions", []):
                versions.setdefault(item["Key"], []).append(item["VersionId"])
            deleted |= {item["Key"] for item in page.get("DeleteMarkers", [])}
        return [self._copy(key, ids, deleted=key in deleted) for key, ids in sorted(versions.items())]

    def _copy(self, key: str, versions: list[str], *, deleted: bool) -> Copy:
        # S3 lists versions newest first: the last one is what was written in the beginning.
        first = self._s3.get_object(Bucket=self._bucket, Key=key, VersionId=versions[-1])
        return Copy(
            sequence=int(key.rsplit("/", 1)[1].removesuffix(".json")),
            text=first["Body"].read().decode(),
            versions=len(versions),
            locked=first.get("ObjectLockMode") == "COMPLIANCE",
            deleted=deleted,
        )

    def _key(self, sequence: int) -> str:
        return f"ledger/{self._environment}/{sequence:08d}.json"

    def _lease_stands(self, fence: Held) -> "TransactWriteItemTypeDef":
        return {
            "ConditionCheck": {
                "TableName": self._lease_table,
                "Key": {"endpoint": {"S": fence.endpoint}},
                "ConditionExpression": "fence = :fence",
                "ExpressionAttributeValues": {":fence": {"N": str(fence.token)}},
            }
        }

    def _new_line(self, sequence: int, text: str) -> "TransactWriteItemTypeDef":
        return {
            "Put": {
                "TableName": self._table,
                "Item": {
                    "environment": {"S": self._environment},
                    "sequence": {"N": str(sequence)},
                    "entry": {"S": text},
                },
                "ConditionExpression": "attribute_not_exists(#sequence)",
                "ExpressionAttributeNames": {"#sequence": "sequence"},
            }
        }

    def _refusal(
        self, err: botocore.exceptions.ClientError, sequence: int, *, fenced: bool
    ) -> LeaseLost | LedgerConflict:
        where = f"table {self._table}, entry {sequence}"
        if _reasons(err)[-1] == "ConditionalCheckFailed" and fenced:
            return LeaseLost(
                "another process took this endpoint over; nothing more was changed here",
                where=where,
                next_step="read `pipeline history` for what the other one did",
            )
        return LedgerConflict(
            f"another writer took the ledger's entry {sequence}",
            where=where,
            next_step="run the same command again; it continues from what the ledger says now",
        )


def _reasons(err: botocore.exceptions.ClientError) -> list[str]:
    return [str(item.get("Code")) for item in err.response.get("CancellationReasons", [])]
