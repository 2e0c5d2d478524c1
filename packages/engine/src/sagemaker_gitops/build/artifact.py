"""A model artefact on disk: unpacked without trust, verified against its manifest."""

import hashlib
import json
import tarfile
from pathlib import Path

from sagemaker_gitops.errors import ArtifactCorrupt
from sagemaker_gitops.project.archives import extract


def unpack(archive: Path, folder: Path) -> Path:
    """Unpack model.tar.gz and verify every file against manifest.json; return the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tarfile.open(archive) as tar:
            extract(tar, folder)
    except tarfile.TarError as err:
        raise _corrupt(f"the archive cannot be unpacked: {err}", archive) from err
    verify(folder)
    return folder


def verify(folder: Path) -> None:
    """Refuse a folder whose files are not exactly those of its manifest."""
    manifest = folder / "manifest.json"
    if not manifest.is_file():
        raise _corrupt("there is no manifest.json", folder)
    expected = json.loads(manifest.read_text())["files"]
    actual = {
        path.relative_to(folder).as_posix(): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file() and path != manifest
    }
    if wrong := sorted(expected.items() ^ actual.items()):
        raise _corrupt(f"files differ from the manifest: {', '.join(sorted({name for name, _ in wrong}))}", folder)


def _corrupt(what: str, where: Path) -> ArtifactCorrupt:
    return ArtifactCorrupt(what, where=str(where), next_step="do not use this artefact; train again")
