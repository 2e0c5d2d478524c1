"""Checkpoints of a training job: its folder in step with S3 while it runs, and restored when it starts again."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sagemaker_gitops.local.sagemaker import transfer
from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import unsupported

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

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
        return transfer.download_prefix(s3, f"{self.uri}/", target)

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
        bucket, prefix = transfer.split_uri(self.uri)
        for ml in mls:
            for path in sorted((ml / self.folder).rglob("*")):
                if content := _changed(path, seen):
                    key = f"{prefix}/{path.relative_to(ml / self.folder).as_posix()}"
                    s3.put_object(Bucket=bucket, Key=key, Body=content)
                    saved()


def of(job: Document) -> Checkpoints | None:
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
        mark = (state.st_mtime_ns, state.st_size)
        if not path.is_file() or seen.get(path) == mark:
            return None
        content = path.read_bytes()
    except FileNotFoundError:
        return None
    seen[path] = mark
    return content
