"""What a processing job's instance finds in its input folders: a prefix or a manifest, whole or its share."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sagemaker_gitops.local.iam import work
from sagemaker_gitops.local.iam.access import Access
from sagemaker_gitops.local.sagemaker import transfer
from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import invalid

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

KINDS = frozenset({"S3Prefix", "ManifestFile"})


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input: its objects with their places below its folder, and what reading them needs."""

    folder: str
    sharded: bool
    objects: Sequence[tuple[str, str]]
    accesses: Sequence[Access]

    def download(self, s3: "S3Client", folder: Path, *, instance: int, instances: int) -> None:
        """Give one of several instances what it is due; the folder is there even when that is nothing."""
        folder.mkdir(parents=True, exist_ok=True)
        due = self.objects[instance::instances] if self.sharded else self.objects
        for uri, relative in due:
            transfer.download(s3, uri, folder / relative)


def find(s3: "S3Client", source: Document) -> Input:
    """List an input's objects now, so that every instance sees the same."""
    uri = source["S3Uri"]
    if source["S3DataType"] == "ManifestFile":
        objects = list(_listed(s3, uri))
        accesses = [work.fetching(uri), *(work.fetching(each) for each, _ in objects)]
    else:
        objects, accesses = list(transfer.below(s3, uri)), list(work.reading(s3, uri))
    return Input(
        folder=source["LocalPath"],
        sharded=source.get("S3DataDistributionType") == "ShardedByS3Key",
        objects=objects,
        accesses=accesses,
    )


def _listed(s3: "S3Client", uri: str) -> Iterator[tuple[str, str]]:
    """Read a manifest: a prefix, then names below it."""
    bucket, key = transfer.split_uri(uri)
    content = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    if not isinstance(content, list) or not content or not isinstance(content[0], dict) or "prefix" not in content[0]:
        raise invalid(f"The manifest file {uri} must be a list that begins with an object with a prefix.")
    prefix, *names = content
    yield from ((prefix["prefix"] + name, name) for name in names)
