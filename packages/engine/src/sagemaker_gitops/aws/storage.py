"""Objects in S3, addressed by URI and verified by content."""

import base64
import functools
import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.exceptions

from sagemaker_gitops.aws.session import error_code, is_missing, write_new
from sagemaker_gitops.errors import ArtifactCorrupt, ModelMissing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

_CHUNK_BYTES = 1 << 20
# S3's limit for one PutObject, and parts so large that 10,000 of them hold 1.2 TiB.
_PUT_LIMIT_BYTES = 5 << 30
_PART_BYTES = 128 << 20


class Storage:
    """S3, as this pipeline uses it: write once, read verified."""

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def put(self, uri: str, content: bytes, *, content_type: str = "application/json") -> None:
        """Write an object, replacing what was there."""
        bucket, key = split(uri)
        self._client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)

    def put_new(self, uri: str, path: Path, *, sha256: str) -> bool:
        """Upload a file unless the object exists; say whether this call created it.

        S3 verifies what it receives, and an object that is there already must have the same content.
        """
        bucket, key = split(uri)
        checksum = base64.b64encode(bytes.fromhex(sha256)).decode()
        if self._holds(uri, checksum):
            return False
        if path.stat().st_size > _PUT_LIMIT_BYTES:
            return write_new(lambda: self._upload_parts(bucket, key, path))
        with path.open("rb") as body:
            put = functools.partial(self._client.put_object, Bucket=bucket, Key=key, Body=body, IfNoneMatch="*")

            def again() -> object:
                body.seek(0)
                return put(ChecksumSHA256=checksum)

            return write_new(again)

    def write_once(self, uri: str, content: bytes) -> bytes:
        """Write an object unless it exists, and return what it holds now: the first writer's content."""
        bucket, key = split(uri)
        put = functools.partial(self._client.put_object, Bucket=bucket, Key=key, Body=content, IfNoneMatch="*")
        if write_new(lambda: put(ContentType="application/json")):
            return content
        return self.get(uri) or content

    def get(self, uri: str) -> bytes | None:
        """Read an object; None when there is none."""
        bucket, key = split(uri)
        try:
            return self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except botocore.exceptions.ClientError as err:
            if is_missing(err):
                return None
            raise

    def get_if_told(self, uri: str) -> bytes | None:
        """Read an object; None when there is none, or when S3 does not tell: without ListBucket it says 403."""
        try:
            return self.get(uri)
        except botocore.exceptions.ClientError as err:
            if error_code(err) in {"403", "AccessDenied"}:
                return None
            raise

    def exists(self, uri: str) -> bool:
        """Tell whether the object is there."""
        bucket, key = split(uri)
        try:
            self._client.head_object(Bucket=bucket, Key=key)
        except botocore.exceptions.ClientError as err:
            if is_missing(err):
                return False
            raise
        return True

    def sha256(self, uri: str) -> str:
        """Hash an object's content."""
        bucket, key = split(uri)
        digest = hashlib.sha256()
        for chunk in self._client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK_BYTES):
            digest.update(chunk)
        return digest.hexdigest()

    def download(self, uri: str, target: Path, *, sha256: str) -> None:
        """Fetch an object to a file, and refuse bytes that differ from the recorded hash."""
        if not self.exists(uri):
            raise ModelMissing("the artefact is no longer in S3", where=uri, next_step="run train again")
        self.fetch(uri, target)
        with target.open("rb") as content:
            actual = hashlib.file_digest(content, "sha256").hexdigest()
        if actual != sha256:
            target.unlink()
            raise ArtifactCorrupt(
                f"the artefact's sha256 is {actual}, but {sha256} was recorded",
                where=uri,
                next_step="do not use it; restore the recorded object version, or delete it and train again",
            )

    def fetch(self, uri: str, target: Path) -> None:
        """Fetch an object to a file; its content is the caller's to verify."""
        bucket, key = split(uri)
        with target.open("wb") as file:
            for chunk in self._client.get_object(Bucket=bucket, Key=key)["Body"].iter_chunks(_CHUNK_BYTES):
                file.write(chunk)

    def children(self, uri: str) -> tuple[str, ...]:
        """List the names directly below a prefix that ends with a slash; folders end with one, too."""
        bucket, prefix = split(uri)
        names: list[str] = []
        for page in self._client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix, Delimiter="/"):
            names += [item["Key"].removeprefix(prefix) for item in page.get("Contents", [])]
            names += [item["Prefix"].removeprefix(prefix) for item in page.get("CommonPrefixes", [])]
        return tuple(name for name in names if name)

    def _holds(self, uri: str, checksum: str) -> bool:
        bucket, key = split(uri)
        try:
            stored = self._client.head_object(Bucket=bucket, Key=key, ChecksumMode="ENABLED")
        except botocore.exceptions.ClientError as err:
            if is_missing(err):
                return False
            raise
        # An upload in parts has a checksum of checksums, which says nothing about the whole.
        actual = stored.get("ChecksumSHA256", checksum)
        if actual != checksum and "-" not in actual:
            raise ArtifactCorrupt(
                "the stored object is not what its name says: its sha256 differs from the file's",
                where=uri,
                next_step="find out who wrote it, restore its first version, then run this again",
            )
        return True

    def _upload_parts(self, bucket: str, key: str, path: Path) -> None:
        upload = self._client.create_multipart_upload(Bucket=bucket, Key=key)["UploadId"]
        parts: list[CompletedPartTypeDef] = []
        with path.open("rb") as file:
            while body := file.read(_PART_BYTES):
                number = len(parts) + 1
                part = self._client.upload_part(Bucket=bucket, Key=key, UploadId=upload, PartNumber=number, Body=body)
                parts.append({"PartNumber": number, "ETag": part["ETag"]})
        self._client.complete_multipart_upload(
            Bucket=bucket, Key=key, UploadId=upload, MultipartUpload={"Parts": parts}, IfNoneMatch="*"
        )


def split(uri: str) -> tuple[str, str]:
    """Split s3://bucket/key."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
