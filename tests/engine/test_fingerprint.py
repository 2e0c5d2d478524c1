"""Fingerprint: what changes it, and what must not."""

from pathlib import Path

import pytest
from sagemaker_gitops.build import fingerprint
from sagemaker_gitops.errors import ConfigurationError

INPUTS = {
    "base_image": "model/train/Dockerfile",
    "code": "model/train/train.py",
    "data": "data/hmda.csv",
    "hyperparameters": "model/config/hyperparameters.json",
    "requirements": "model/train/requirements.txt",
    "schema": "model/config/schema.json",
}


@pytest.mark.parametrize(("name", "path"), INPUTS.items())
def test_each_input_changes_the_fingerprint_and_only_its_own_part(checkout: Path, name: str, path: str) -> None:
    """A change to any input makes another model, and says which input it was."""
    before = fingerprint.compute(checkout)
    (checkout / path).write_text((checkout / path).read_text() + "\n")

    after = fingerprint.compute(checkout)

    assert after.digest != before.digest
    assert {key for key in INPUTS if before.inputs[key] != after.inputs[key]} == {name}


@pytest.mark.parametrize("path", ["README.md", "docs/setup.md", "model/train/notes.md", "model/tests/test_bias.py"])
def test_prose_and_gates_leave_the_fingerprint(checkout: Path, path: str) -> None:
    """What does not reach the training container trains nothing anew."""
    before = fingerprint.compute(checkout)
    (checkout / path).write_text("changed")

    assert fingerprint.compute(checkout).digest == before.digest


def test_same_content_elsewhere_is_the_same_model(checkout: Path, tmp_path: Path) -> None:
    """Neither the folder's name nor a file's age counts."""
    before = fingerprint.compute(checkout).digest
    moved = checkout.rename(tmp_path / "elsewhere")
    (moved / "data/hmda.csv").touch()

    assert fingerprint.compute(moved).digest == before
    assert len(fingerprint.image_tag(moved, "inference")) == 16


def test_another_fingerprint_than_the_checkouts_is_refused(checkout: Path) -> None:
    """An identifier handed from job to job must fit the commit it is used on."""
    with pytest.raises(ConfigurationError, match="check out the commit"):
        fingerprint.require(fingerprint.compute(checkout), "0" * 64)


def test_missing_data_is_told(checkout: Path) -> None:
    """Without a data set there is nothing to fingerprint."""
    (checkout / "data/hmda.csv").unlink()

    with pytest.raises(ConfigurationError, match=r"data/ needs a .csv file"):
        fingerprint.compute(checkout)
