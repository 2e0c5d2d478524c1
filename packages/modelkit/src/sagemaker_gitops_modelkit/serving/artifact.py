"""The model folder: only bytes whose sha256 the manifest names are ever loaded."""

import hashlib
import os
import stat
from collections.abc import Mapping
from pathlib import Path

import msgspec

MANIFEST = "manifest.json"
REQUIRED = ("model.onnx", "schema.json")
MAX_MANIFEST_BYTES = 1024 * 1024


class ArtifactRefused(Exception):
    """The model folder is not what the training job wrote."""


class _Manifest(msgspec.Struct):
    files: dict[str, str]


def read_artifact(folder: Path, *, max_bytes: int) -> Mapping[str, bytes]:
    """Verify every file of the manifest and return the contents of those that serving needs."""
    manifest = _read_manifest(folder)
    missing = [name for name in REQUIRED if name not in manifest]
    if missing:
        raise ArtifactRefused(f"{MANIFEST} does not cover {', '.join(missing)}")
    contents = {
        name: _read_verified(folder, name, sha256=sha256, max_bytes=max_bytes) for name, sha256 in manifest.items()
    }
    return {name: contents[name] for name in REQUIRED}


def _read_manifest(folder: Path) -> dict[str, str]:
    raw = _read_regular(folder, MANIFEST, max_bytes=MAX_MANIFEST_BYTES)
    try:
        files = msgspec.json.decode(raw, type=_Manifest).files
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ArtifactRefused(f"{MANIFEST} is not a manifest: {error}") from error
    for name in files:
        if name != os.path.basename(name) or name in {"", ".", ".."} or "\0" in name:  # noqa: PTH119 - a name, no path
            raise ArtifactRefused(f"{MANIFEST} names {name!r}, which is not a plain file name")
    return files


def _read_verified(folder: Path, name: str, *, sha256: str, max_bytes: int) -> bytes:
    content = _read_regular(folder, name, max_bytes=max_bytes)
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise ArtifactRefused(f"{name} has sha256 {found}, the manifest says {sha256}")
    return content


def _read_regular(folder: Path, name: str, *, max_bytes: int) -> bytes:
    """Read one file of the folder itself: no link is followed, no device or pipe is opened for long."""
    try:
        descriptor = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as error:
        raise ArtifactRefused(f"{folder / name} cannot be read: {error.strerror}") from error
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise ArtifactRefused(f"{folder / name} is not a regular file")
        if status.st_size > max_bytes:
            raise ArtifactRefused(f"{folder / name} has {status.st_size} bytes, more than {max_bytes}")
        return file.read(max_bytes)
