"""tests/snapshot is what this checkout bakes: whoever changes a project shows it in the same pull request."""

import filecmp
from pathlib import Path

import pytest
from tests.bake import ROOT, TEMPLATE, export
from tests.snapshots import ANSWERS, KEPT, write


def differences(one: Path, other: Path) -> list[str]:
    """List the files that differ between two folders, by their path or their bytes."""
    names = {path.relative_to(top).as_posix() for top in (one, other) for path in top.rglob("*") if path.is_file()}
    _, different, absent = filecmp.cmpfiles(one, other, sorted(names), shallow=False)
    return sorted([*different, *absent])


def test_snapshot_is_current(template: Path, tmp_path: Path) -> None:
    """Every rendered file of every set of answers stands there as it is now."""
    write(tmp_path / "snapshot", template, tmp_path)

    assert differences(tmp_path / "snapshot", KEPT) == [], "run `make snapshot`, and look at its diff"


def test_snapshot_holds_every_set_of_answers() -> None:
    """No named set of answers is left out."""
    assert {path.name for path in KEPT.iterdir() if path.is_dir()} == {path.stem for path in ANSWERS.glob("*.json")}


@pytest.mark.parametrize("name", ["README.md", "infra/config/project.json"])
def test_a_change_of_the_template_shows(name: str, tmp_path: Path) -> None:
    """A word more in a rendered file is a difference."""
    template = export(ROOT, tmp_path / "template")
    with (template / TEMPLATE / name).open("a", encoding="utf-8") as file:
        file.write(" \n")

    write(tmp_path / "snapshot", template, tmp_path)

    assert differences(tmp_path / "snapshot", KEPT) == [
        f"{path.stem}/{name}" for path in sorted(ANSWERS.glob("*.json"))
    ]
