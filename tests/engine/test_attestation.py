"""Provenance: kept with a model only if it is about that model's bytes."""

import base64
import json
from pathlib import Path

import pytest
from sagemaker_gitops.build import attestation
from sagemaker_gitops.errors import ArtifactCorrupt, ConfigurationError

SHA256 = "a" * 64
SLSA = "https://slsa.dev/provenance/v1"


def bundle(folder: Path, *, sha256: str = SHA256, predicate: str = SLSA) -> Path:
    """Write a bundle in the form of actions/attest: one line, the statement inside the envelope."""
    statement = {"subject": [{"name": "model.tar.gz", "digest": {"sha256": sha256}}], "predicateType": predicate}
    payload = base64.b64encode(json.dumps(statement).encode()).decode()
    path = folder / "attestation.json"
    path.write_text(json.dumps({"dsseEnvelope": {"payload": payload, "signatures": []}}) + "\n")
    return path


def test_bundle_about_the_model_is_taken_as_it_is(tmp_path: Path) -> None:
    """What was signed is not written anew: a changed byte would break the signature."""
    path = bundle(tmp_path)

    assert attestation.read(path, sha256=SHA256).content == path.read_bytes()


@pytest.mark.parametrize(
    "other", [{"sha256": "b" * 64}, {"predicate": "https://cyclonedx.org/bom"}], ids=["other bytes", "no provenance"]
)
def test_bundle_about_something_else_is_refused(tmp_path: Path, other: dict[str, str]) -> None:
    """Neither another artefact's provenance nor another kind of statement is attached."""
    path = bundle(tmp_path, **other)

    with pytest.raises(ArtifactCorrupt, match=f"the model's sha256 is {SHA256}"):
        attestation.read(path, sha256=SHA256)


@pytest.mark.parametrize("text", ["", "{}", "not json", '{"dsseEnvelope": {"payload": "!"}}'])
def test_file_that_is_no_bundle_is_named(tmp_path: Path, text: str) -> None:
    """A wrong path in a workflow ends in a sentence, not in a traceback."""
    path = tmp_path / "attestation.json"
    path.write_text(text)

    with pytest.raises((ConfigurationError, ArtifactCorrupt), match=r"attestation\.json"):
        attestation.read(path, sha256=SHA256)


def test_missing_file_is_named(tmp_path: Path) -> None:
    """So does a path to nothing."""
    with pytest.raises(ConfigurationError, match="bundle-path"):
        attestation.read(tmp_path / "nothing.json", sha256=SHA256)
