"""A tag becomes a release only if projects record it and the changelog tells it; its archive bakes."""

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.bake import ROOT, TEMPLATE, bake, tracked
from tests.release import NAME, Refused, check_version, main, notes, prepare

CHANGELOG = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
QUESTIONS = (ROOT / "cookiecutter.json").read_text(encoding="utf-8")
TOLD = "### Added\n\n- New.\n\n### Upgrade\n\nNothing.\n"
DATED = f"# Changelog\n\n## v0.2.0 (2026-12-01)\n\n{TOLD}\n## v0.1.0 (2026-11-30)\n"


def test_notes_are_one_version_s_part_of_the_changelog() -> None:
    """What stands between two headings is told, and no more."""
    assert notes(DATED, "v0.2.0") == TOLD


@pytest.mark.parametrize(
    ("changelog", "tag", "told"),
    [
        (DATED, "v0.3.0", "has no heading `## v0.3.0 (YYYY-MM-DD)`; it has v0.2.0, v0.1.0"),
        (DATED, "v0.1.0", "tells nobody how to upgrade"),
        (DATED, "v0.2", "is no version"),
        (DATED.replace("2026-12-01", "not released yet"), "v0.2.0", "write the day of the release"),
    ],
    ids=["unknown", "no-upgrade", "no-version", "undated"],
)
def test_a_tag_without_its_words_is_refused(changelog: str, tag: str, told: str) -> None:
    """The message names the file and the line to write."""
    with pytest.raises(Refused) as refused:
        notes(changelog, tag)

    assert told in str(refused.value)


def test_a_tag_that_projects_would_not_record_is_refused() -> None:
    """`__version` and the tag are one."""
    with pytest.raises(Refused, match="change __version"):
        check_version(QUESTIONS, "v99.0.0")


def test_the_version_in_work_has_its_part_in_the_changelog() -> None:
    """Whoever raises `__version` begins to tell it."""
    version = QUESTIONS.split('"__version": "')[1].split('"')[0]

    assert f"\n## {version} (" in CHANGELOG


def test_released_archive_bakes(tmp_path: Path) -> None:
    """The archive of a dated version on main holds the template: a project baked from it is complete."""
    root = tmp_path / "checkout"
    for name in tracked(ROOT):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / name, root / name)
    version = QUESTIONS.split('"__version": "')[1].split('"')[0]
    text = CHANGELOG.replace(f"## {version} (not released yet)", f"## {version} (2026-12-01)")
    (root / "CHANGELOG.md").write_text(text, encoding="utf-8")
    git = ["git", "-c", "user.name=t", "-c", "user.email=t@localhost", "-c", "commit.gpgsign=false"]
    for words in (["init", "--quiet"], ["add", "--all"], ["commit", "--quiet", "--message", version]):
        subprocess.run([*git, *words], cwd=root, check=True)

    with pytest.raises(Refused, match="does not lie on main"):
        prepare(root, version, tmp_path / "release")
    subprocess.run([*git, "update-ref", "refs/remotes/origin/main", "HEAD"], cwd=root, check=True)
    packed = prepare(root, version, tmp_path / "release")
    subprocess.run(["tar", "--extract", f"--file={packed}", f"--directory={tmp_path}"], check=True)

    project = bake(tmp_path / f"{NAME}-{version}", tmp_path / "late-payers", {}, tmp_path)
    made = [path for path in project.rglob("*") if path.is_file()]
    wheels_and_pins = 4
    assert len(made) == len(tracked(ROOT, TEMPLATE)) + wheels_and_pins
    assert (tmp_path / "release/notes.md").read_text(encoding="utf-8").startswith("The first version.")


def test_refusal_ends_the_job(tmp_path: Path) -> None:
    """A wrong tag stops the workflow before anything is packed."""
    with pytest.raises(SystemExit, match="error: CHANGELOG"):
        main(["v99.0.0", str(tmp_path)])

    assert list(tmp_path.iterdir()) == []
