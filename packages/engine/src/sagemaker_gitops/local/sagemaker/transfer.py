"""Between S3 and the folders that containers see."""

import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sagemaker_gitops.project.archives import extract

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


def split_uri(uri: str) -> tuple[str, str]:
    """Return bucket and key of an s3:// URI."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key


def exists(s3: "S3Client", uri: str) -> bool:
    """Return whether an object is there."""
    bucket, key = split_uri(uri)
    try:
        s3.head_object(Bucket=bucket, Key=key)
    except ClientError:
        return False
    return True


def download_prefix(s3: "S3Client", uri: str, folder: Path) -> int:
    """Download every object below a prefix; return how many."""
    objects = list(below(s3, uri))
    for each, relative in objects:
        download(s3, each, folder / relative)
    return len(objects)


def below(s3: "S3Client", uri: str) -> Iterator[tuple[str, str]]:
    """List the objects below a prefix, each with its place in a folder."""
    bucket, prefix = split_uri(uri)
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", []):
            relative = item["Key"][len(prefix) :].lstrip("/") or item["Key"].rsplit("/", 1)[-1]
            if not relative.endswith("/"):
                yield f"s3://{bucket}/{item['Key']}", relative


def download(s3: "S3Client", uri: str, path: Path) -> None:
    """Download one object."""
    bucket, key = split_uri(uri)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(s3.get_object(Bucket=bucket, Key=key)["Body"].read())


def unpack(s3: "S3Client", uri: str, folder: Path) -> None:
    """Unpack a model.tar.gz into a folder."""
    bucket, key = split_uri(uri)
    with tempfile.TemporaryFile() as packed:
        packed.write(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
        packed.seek(0)
        with tarfile.open(fileobj=packed, mode="r:*") as archive:
            extract(archive, folder)


def upload_packed(s3: "S3Client", folder: Path, uri: str) -> None:
    """Upload a folder's content as one .tar.gz."""
    bucket, key = split_uri(uri)
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path in sorted(folder.iterdir()):
                archive.add(path, arcname=path.name)
        packed.seek(0)
        s3.put_object(Bucket=bucket, Key=key, Body=packed.read())


def upload_folder(s3: "S3Client", folder: Path, uri: str) -> int:
    """Upload every file of a folder below a prefix; return how many."""
    bucket, prefix = split_uri(uri)
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    for path in files:
        key = "/".join(part for part in (prefix.rstrip("/"), path.relative_to(folder).as_posix()) if part)
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes())
    return len(files)
