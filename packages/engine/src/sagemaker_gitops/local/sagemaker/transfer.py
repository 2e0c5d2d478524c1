"""Transfer between S3 and the folders that containers see, checkpoints included."""

import tarfile
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from sagemaker_gitops.local.server.context import Document, unsupported
from sagemaker_gitops.project.archives import extract

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client


MANAGED_KEY = "alias/aws/s3"
"""Names the key that S3 makes in each account: every principal of the account may use it, and nobody else."""


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


def upload_packed(s3: "S3Client", folder: Path, uri: str, key_id: str | None) -> None:
    """Upload a folder's content as one .tar.gz; without a key, under the account's own for S3, as SageMaker does."""
    bucket, key = split_uri(uri)
    with tempfile.TemporaryFile() as packed:
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            for path in sorted(folder.iterdir()):
                archive.add(path, arcname=path.name)
        packed.seek(0)
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=packed.read(),
            ServerSideEncryption="aws:kms",
            SSEKMSKeyId=key_id or MANAGED_KEY,
        )


def upload_folder(s3: "S3Client", folder: Path, uri: str, key_id: str | None = None) -> int:
    """Upload every file of a folder below a prefix, under a key or the bucket's own; return how many."""
    encryption: Document = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key_id} if key_id else {}
    bucket, prefix = split_uri(uri)
    files = [p for p in sorted(folder.rglob("*")) if p.is_file()]
    for path in files:
        key = "/".join(part for part in (prefix.rstrip("/"), path.relative_to(folder).as_posix()) if part)
        s3.put_object(Bucket=bucket, Key=key, Body=path.read_bytes(), **encryption)
    return len(files)


_LOCAL_PATH = "/opt/ml/checkpoints"
_SYNC_SECONDS = 0.1


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """Where a job's checkpoints are kept, and its folder below /opt/ml."""

    uri: str
    folder: str

    def restore(self, s3: "S3Client", ml: Path) -> int:
        """Put into a new container what an interrupted one had saved; return how many files."""
        target = ml / self.folder
        target.mkdir(parents=True, exist_ok=True)
        return download_prefix(s3, f"{self.uri}/", target)

    @contextmanager
    def kept(self, s3: "S3Client", mls: Sequence[Path], saved: Callable[[], None]) -> Iterator[None]:
        """Copy every change to S3 until the block ends; tell when something was saved."""
        over, seen = threading.Event(), dict[Path, tuple[int, int]]()

        def follow() -> None:
            while not over.wait(_SYNC_SECONDS):
                self._copy(s3, mls, seen, saved)

        thread = threading.Thread(target=follow, daemon=True, name="checkpoints")
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()
            self._copy(s3, mls, seen, saved)

    def _copy(
        self, s3: "S3Client", mls: Sequence[Path], seen: dict[Path, tuple[int, int]], saved: Callable[[], None]
    ) -> None:
        bucket, prefix = split_uri(self.uri)
        for ml in mls:
            for path in sorted((ml / self.folder).rglob("*")):
                if content := _changed(path, seen):
                    key = f"{prefix}/{path.relative_to(ml / self.folder).as_posix()}"
                    s3.put_object(Bucket=bucket, Key=key, Body=content)
                    saved()


def checkpoints_of(job: Document) -> Checkpoints | None:
    """Read a job's CheckpointConfig."""
    config = job.get("CheckpointConfig")
    if config is None:
        return None
    path = config.get("LocalPath", _LOCAL_PATH)
    if not path.startswith("/opt/ml/"):
        raise unsupported(f"CheckpointConfig.LocalPath {path}: only a folder below /opt/ml")
    return Checkpoints(uri=config["S3Uri"].rstrip("/"), folder=path.removeprefix("/opt/ml/"))


def _changed(path: Path, seen: dict[Path, tuple[int, int]]) -> bytes | None:
    """Return a file's content if it is not what was copied before; the container may be renaming it away."""
    try:
        state = path.stat()
        version = (state.st_mtime_ns, state.st_size)
        if not path.is_file() or seen.get(path) == version:
            return None
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    seen[path] = version
    return content
