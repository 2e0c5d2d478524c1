"""champion: what a pull request is compared with is fetched beside its code, and read without credentials."""

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from sagemaker_gitops.aws.registry import RegisteredModel, description
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import champion
from sagemaker_gitops.errors import ArtifactCorrupt, ConfigurationError
from tests.engine.test_artifact import pack

IMAGE = "111111111111.example/loan-inference:abc"


@dataclass(frozen=True, kw_only=True)
class Shelf:
    """A registry and its bucket, with one approved version or none."""

    archive: Path | None

    @property
    def registry(self) -> "Shelf":
        """Itself."""
        return self

    @property
    def storage(self) -> "Shelf":
        """Itself."""
        return self

    def versions(self) -> Mapping[str, int]:
        """One version."""
        return {description("f" * 64, IMAGE): 3}

    def champion(self) -> RegisteredModel | None:
        """Return the approved version, if there is an archive."""
        if self.archive is None:
            return None
        digest = hashlib.sha256(self.archive.read_bytes()).hexdigest()
        metadata = {"commit": "1abcdef" * 5, "model_sha256": digest, "input_code": "c", "input_data": "d"}
        return RegisteredModel(
            version=3,
            arn="arn:3",
            status="Approved",
            image=IMAGE,
            model_data="s3://models/3",
            metadata=metadata,
            approval="octocat: fine",
        )

    def download(self, uri: str, target: Path, *, sha256: str) -> None:
        """Copy the archive."""
        assert (uri, bool(sha256), self.archive is not None) == ("s3://models/3", True, True)
        shutil.copy2(cast(Path, self.archive), target)


def services(archive: Path | None) -> Aws:
    """Stand in for AWS."""
    shelf: Any = Shelf(archive=archive)
    return cast(Aws, shelf)


@pytest.fixture
def fetched(tmp_path: Path) -> Path:
    """Return a folder with a champion in it."""
    metrics = json.dumps({"rows": {"train": 8, "test": 2}, "overall": {"accuracy": 0.8}}).encode()
    folder = tmp_path / "champion"
    champion.fetch(services(pack(tmp_path, {"model.onnx": b"weights", "metrics.json": metrics})), folder)
    return folder


def test_champion_is_read_from_the_folder_alone(fetched: Path, tmp_path: Path) -> None:
    """Version, commit, metrics and what determined it come back without AWS."""
    read = champion.read(fetched)

    opponent = champion.champion(read, fetched, tmp_path / "out")

    assert opponent
    assert opponent.name == "champion v3"
    assert "registered from commit `1abcdef1abcd`" in opponent.told
    assert opponent.model.mark.inputs == {"code": "c", "data": "d"}
    assert opponent.model.rows == 10
    assert (opponent.model.folder / "model.onnx").read_bytes() == b"weights"


def test_registered_models_are_recognised_by_fingerprint_and_image(fetched: Path) -> None:
    """The same model in another serving image is another version."""
    read = champion.read(fetched)

    assert read.registered_as("f" * 64, image=IMAGE) == 3
    assert read.registered_as("e" * 64, image=IMAGE) is None
    assert read.registered_as("f" * 64, image=IMAGE + "d") is None


def test_registry_without_an_approved_version_has_no_champion(tmp_path: Path) -> None:
    """What is registered is known all the same."""
    champion.fetch(services(None), tmp_path)

    read = champion.read(tmp_path)

    assert champion.champion(read, tmp_path, tmp_path / "out") is None
    assert read.registered_as("f" * 64, image=IMAGE) == 3


def test_champion_whose_bytes_changed_is_refused(fetched: Path, tmp_path: Path) -> None:
    """The folder travels as an artifact of the run, and what arrives must be what was fetched."""
    (fetched / "model.tar.gz").write_bytes(b"other")

    with pytest.raises(ArtifactCorrupt, match="not those that were fetched"):
        champion.champion(champion.read(fetched), fetched, tmp_path / "out")


@pytest.mark.parametrize("content", [None, "{}x", '{"version": 1, "evil": 2}'], ids=["missing", "no JSON", "unknown"])
def test_folder_without_a_champion_is_told(tmp_path: Path, content: str | None) -> None:
    """What to do about it stands with the error."""
    if content is not None:
        (tmp_path / "champion.json").write_text(content)

    with pytest.raises(ConfigurationError, match="pipeline champion --folder"):
        champion.read(tmp_path)
