"""Data goes to its remote and comes back by DVC itself, and a reviewer sees what changed in it."""

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.engine.stages.conftest import Laptop

BUCKET = "loan-approval-data-111111111111"


@pytest.fixture
def committed(laptop: Laptop) -> Iterator[Laptop]:
    """Return the laptop with its pointers in Git and the data outside, as for data that is too large for Git."""
    pointer = laptop.root / "data/hmda.csv.dvc"
    before = pointer.read_bytes()
    for words in (
        ["init", "-q", "-b", "main"],
        ["add", "data/hmda.csv.dvc", "model", "infra/config"],
        ["-c", "user.name=t", "-c", "user.email=t@example.com", "commit", "-qm", "one"],
    ):
        subprocess.run(["git", *words], cwd=laptop.root, check=True)
    yield laptop
    shutil.rmtree(laptop.root / ".git")
    shutil.rmtree(laptop.root / ".dvc/cache", ignore_errors=True)
    pointer.write_bytes(before)


def test_data_comes_back_from_the_remote(committed: Laptop) -> None:
    """What was pushed is fetched where nothing of it is left, byte for byte."""
    table = committed.root / "data/hmda.csv"
    content = table.read_bytes()

    pushed = committed.run("data", "push")
    table.unlink()
    shutil.rmtree(committed.root / ".dvc/cache")
    without = committed.run("train", "--env", "dev")
    pulled = committed.run("data", "pull")

    assert [pushed.exit_code, without.exit_code, pulled.exit_code] == [0, 2, 0], pulled.stderr
    assert "data pull" in without.stderr
    assert table.read_bytes() == content
    keys = [item["Key"] for item in committed.client("s3").list_objects_v2(Bucket=BUCKET)["Contents"]]
    assert f"{pushed.outputs['data_version']}/hmda.csv" in keys
    assert any(key.startswith("dvc/files/md5/") for key in keys)


def test_change_is_committed_to_a_pointer_and_shown(committed: Laptop, tmp_path: Path) -> None:
    """The diff compares with the content that the former pointer names, fetched from the remote."""
    assert committed.run("data", "push").exit_code == 0
    table = committed.root / "data/hmda.csv"
    lines = table.read_text().splitlines()
    table.write_text("\n".join([*lines[:2000], "9001" + lines[1].removeprefix("1")]) + "\n")

    stale = committed.run("data", "push")
    written = committed.run("data", "commit")
    shown = committed.run("data", "diff", "--base", "main")

    assert [stale.exit_code, written.exit_code, shown.exit_code] == [14, 0, 0], shown.stderr
    assert "2,380 → 2,000 rows: 1 added, 381 removed, 0 changed" in shown.stdout
    assert shown.outputs["changed"] == "true"


def test_unchanged_data_has_no_difference(committed: Laptop) -> None:
    """Nothing is fetched to find that nothing changed."""
    told = committed.run("data", "diff", "--base", "main")

    assert told.outputs["changed"] == "false"


def test_own_changes_are_never_overwritten(committed: Laptop) -> None:
    """Pull refuses while a file differs from its pointer."""
    table = committed.root / "data/hmda.csv"
    table.write_text(table.read_text() + "\n")

    refused = committed.run("data", "pull")

    assert refused.exit_code == 14
    assert table.read_text().endswith("\n\n")


def test_content_that_was_never_pushed_is_told(committed: Laptop) -> None:
    """A pointer to content that the remote lacks says who must push."""
    pointer = committed.root / "data/hmda.csv.dvc"
    pointer.write_text(pointer.read_text().replace("md5: 77", "md5: 00"))
    (committed.root / "data/hmda.csv").unlink()

    refused = committed.run("data", "pull")

    assert refused.exit_code == 13
    assert "data push" in refused.stderr
