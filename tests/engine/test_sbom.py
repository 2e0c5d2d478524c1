"""Bills of materials: complete, valid CycloneDX, and the same for the same content."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from sagemaker_gitops.build import sbom
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project.environments import ImageKind
from tests.sample import ROOT

KINDS: tuple[ImageKind, ...] = ("train", "inference")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Unpack a small model."""
    files = {"model.onnx": "a" * 64, "schema.json": "b" * 64}
    (tmp_path / "manifest.json").write_text(json.dumps({"files": files}))
    return tmp_path


def described(folder: Path) -> bytes:
    """Write the model's bill of materials."""
    return sbom.model(folder, fingerprint="f" * 64, sha256="c" * 64, data_version="d" * 64)


@pytest.mark.parametrize("kind", KINDS)
def test_image_lists_every_pinned_package_with_its_hashes(kind: ImageKind) -> None:
    """Nothing that pip may install is left out."""
    text = (ROOT / "model" / kind / "requirements.txt").read_text()

    content = json.loads(sbom.image(ROOT, kind, tag="0123"))

    listed = {f"{item['name']}=={item['version']}" for item in content["components"]}
    hashes = [h["content"] for item in content["components"] for h in item["externalReferences"][0]["hashes"]]
    assert listed == set(re.findall(r"^[\w.-]+==[^\s;\\]+", text, re.MULTILINE))
    assert sorted(hashes) == sorted(re.findall(r"sha256:(\w+)", text))


def test_model_lists_every_file_and_its_data(folder: Path) -> None:
    """The archive, each file in it and the data version are named by their hashes."""
    content = json.loads(described(folder))

    assert content["metadata"]["component"]["hashes"] == [{"alg": "SHA-256", "content": "c" * 64}]
    assert {item["name"] for item in content["components"]} == {"model.onnx", "schema.json", "data"}


def test_document_is_valid_cyclonedx(folder: Path) -> None:
    """The schema of CycloneDX 1.6 takes both kinds of document."""
    validator = JsonStrictValidator(SchemaVersion.V1_6)

    for content in (described(folder), *(sbom.image(ROOT, kind, tag="0123") for kind in KINDS)):
        assert validator.validate_str(content.decode()) is None


def test_same_content_makes_the_same_document(folder: Path) -> None:
    """A second run writes what the first one wrote."""
    assert described(folder) == described(folder)


def test_other_content_makes_another_document(folder: Path) -> None:
    """Documents are told apart by their serial number."""
    numbers: list[Any] = [json.loads(sbom.image(ROOT, kind, tag="0123"))["serialNumber"] for kind in KINDS]

    assert len(set(numbers)) == len(KINDS)


def test_unpinned_requirements_are_refused(tmp_path: Path) -> None:
    """An empty list would say that nothing is installed."""
    path = tmp_path / "model/train/requirements.txt"
    path.parent.mkdir(parents=True)
    path.write_text("numpy\n")

    with pytest.raises(ConfigurationError, match="no package is pinned"):
        sbom.image(tmp_path, "train", tag="0123")
