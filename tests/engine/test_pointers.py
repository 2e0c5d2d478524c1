"""A pointer names the content that a commit expects in a file."""

import hashlib
from pathlib import Path

import pytest
from sagemaker_gitops.build import pointers
from sagemaker_gitops.errors import ConfigurationError
from tests.sample import ROOT


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Return a checkout with one file and its pointer."""
    data = tmp_path / "data"
    data.mkdir()
    (data / "table.csv").write_text("id\n1\n")
    digest = hashlib.md5(b"id\n1\n", usedforsecurity=False).hexdigest()
    (data / "table.csv.dvc").write_text(f"outs:\n- md5: {digest}\n  size: 5\n  hash: md5\n  path: table.csv\n")
    return tmp_path


def test_file_is_current_changed_or_missing(root: Path) -> None:
    """Three states, told by content alone."""
    (pointer,) = pointers.read(root)
    states = [pointer.state()]
    pointer.path.write_text("id\n2\n")
    states.append(pointer.state())
    pointer.path.unlink()
    states.append(pointer.state())

    assert states == ["current", "changed", "missing"]


def test_file_without_a_pointer_is_found(root: Path) -> None:
    """A new file of the data set is not forgotten."""
    (root / "data/more.csv").write_text("id\n2\n")

    assert pointers.untracked(root) == (root / "data/more.csv",)


@pytest.mark.parametrize("content", ["", "outs: []", "outs:\n- md5: short\n  path: a.csv", "{", "text"])
def test_what_is_no_pointer_is_refused_with_its_place(root: Path, content: str) -> None:
    """A merge conflict or a folder's pointer is no pointer to a file."""
    path = root / "data/table.csv.dvc"
    path.write_text(content)

    with pytest.raises(ConfigurationError, match="data commit") as refused:
        pointers.read(root)

    assert refused.value.where == str(path)


def test_pointer_of_this_repository_names_its_data() -> None:
    """The sample's pointer is up to date."""
    assert [pointer.state() for pointer in pointers.read(ROOT)] == ["current"]
