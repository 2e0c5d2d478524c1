"""Objects in S3, addressed by URI and verified by content."""

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING

import botocore.exceptions

from pipeline.aws.session import error_code, is_missing
from pipeline.errors import ArtifactCorrupt, ModelMissing

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CHUNK_BYTES = 1 << 20


class Storage:
    """S3, as this pipeline uses it: write once, read verified."""

    def __init__(self, client: "S3Client") -> None:
        self._client = client

    def put(self, uri: str, content: bytes, *, content_type: str = "application/json") -> None:
        """Write an object, replacing what was there."""
        bucket, key = split(uri)
        self._client.put_object(Bucket=bucket, Key=key, Body=content, ContentType=content_type)

    def put_new(self, uri: str, path: Path) -> bool:
        """Upload a file unless the object exists; say whether this call created it."""
        bucket, key = split(uri)
        try:
            self._client.head_object(Bucket=bucket, Key=key)
        except botocore.exceptions.ClientError as err:
            if not is_missing(err):
                raise
        else:
            return False
        return self._create(bucket, key, path)

    def get(self, uri: str) -> bytes | None:
        """Read an object; None when there is none."""
        bucket, key = split(uri)
        try:
            return self._client.get_object(Bucket=bucket, Key=key)["Body"].read()
        except botocore.exceptions.ClientError as err:
            if is_missing(err):
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
        content = self.get(uri)
        if content is None:
            raise ModelMissing("the artefact is no longer in S3", where=uri, next_step="run train again")
        actual = hashlib.sha256(content).hexdigest()
        if actual != sha256:
            raise ArtifactCorrupt(
                f"the artefact's sha256 is {actual}, but {sha256} was recorded",
                where=uri,
                next_step="do not use it; restore the recorded object version, or train again",
            )
        target.write_bytes(content)

    def _create(self, bucket: str, key: str, path: Path) -> bool:
        try:
            self._client.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), IfNoneMatch="*")
        except botocore.exceptions.ClientError as err:
            # Another run won the race; an object's name is its content, so both are right.
            if error_code(err) in {"PreconditionFailed", "ConditionalRequestConflict"}:
                return False
            raise
        return True


def split(uri: str) -> tuple[str, str]:
    """Split s3://bucket/key."""
    bucket, _, key = uri.removeprefix("s3://").partition("/")
    return bucket, key
