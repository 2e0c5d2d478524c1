"""Artefact: nothing is used whose bytes are not those of its manifest."""

import hashlib
import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from sagemaker_gitops.build import artifact
from sagemaker_gitops.errors import ArtifactCorrupt


def pack(folder: Path, files: Mapping[str, bytes], manifest: Mapping[str, bytes] | None = None) -> Path:
    """Pack files with a manifest over them, or over others."""
    listed = {name: hashlib.sha256(body).hexdigest() for name, body in (manifest or files).items()}
    archive = folder / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for name, body in {**files, "manifest.json": json.dumps({"files": listed}).encode()}.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(body)
            tar.addfile(entry, io.BytesIO(body))
    return archive


def test_intact_artifact_is_unpacked(tmp_path: Path) -> None:
    """An archive that fits its manifest comes out whole."""
    archive = pack(tmp_path, {"model.onnx": b"weights"})

    folder = artifact.unpack(archive, tmp_path / "out")

    assert (folder / "model.onnx").read_bytes() == b"weights"


@pytest.mark.parametrize(
    ("files", "manifest"),
    [
        ({"model.onnx": b"changed"}, {"model.onnx": b"weights"}),
        ({"model.onnx": b"weights", "extra.py": b"x"}, {"model.onnx": b"weights"}),
        ({"model.onnx": b"weights"}, {"model.onnx": b"weights", "schema.json": b"{}"}),
    ],
    ids=["changed", "added", "removed"],
)
def test_artifact_that_differs_from_its_manifest_is_refused(
    tmp_path: Path, files: Mapping[str, bytes], manifest: Mapping[str, bytes]
) -> None:
    """A changed, an added and a missing file are each found."""
    archive = pack(tmp_path, files, manifest)

    with pytest.raises(ArtifactCorrupt, match="differ from the manifest"):
        artifact.unpack(archive, tmp_path / "out")


def test_path_that_leaves_the_folder_is_refused(tmp_path: Path) -> None:
    """An archive cannot write beside its folder."""
    archive = pack(tmp_path, {"../escaped": b"x"})

    with pytest.raises(ArtifactCorrupt, match="cannot be unpacked"):
        artifact.unpack(archive, tmp_path / "out")

    assert not (tmp_path / "escaped").exists()


def test_something_else_than_an_archive_is_refused(tmp_path: Path) -> None:
    """Bytes that are no tar file end in a clear error."""
    path = tmp_path / "model.tar.gz"
    path.write_bytes(b"not an archive")

    with pytest.raises(ArtifactCorrupt, match="cannot be unpacked"):
        artifact.unpack(path, tmp_path / "out")
