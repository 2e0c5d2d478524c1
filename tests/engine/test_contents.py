"""Hashes of large files are remembered as long as, and only as long as, that is safe."""

import hashlib
import json
import os
import time
from pathlib import Path

import pytest
from sagemaker_gitops.build import contents
from sagemaker_gitops.errors import ConfigurationError


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """Return a data file; the folder is its checkout's root."""
    path = tmp_path / "data" / "table.csv"
    path.parent.mkdir()
    path.write_text("id\n1\n")
    return path


@pytest.fixture
def settled(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the clock run a minute ahead, so that every file was written long ago."""
    now = time.time_ns
    monkeypatch.setattr(time, "time_ns", lambda: now() + 60_000_000_000)


def _digest(root: Path, table: Path, *, verify: bool = False) -> str:
    return contents.hash_files(root, [table], verify=verify).digests[table]


def _truth(table: Path) -> str:
    return hashlib.sha256(table.read_bytes()).hexdigest()


@pytest.mark.usefixtures("settled")
def test_unchanged_file_is_not_read_again(tmp_path: Path, table: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The second answer comes from the index."""
    first = _digest(tmp_path, table)
    monkeypatch.setattr(hashlib, "file_digest", lambda *_: pytest.fail("the file was read"))

    assert _digest(tmp_path, table) == first == _truth(table)


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("keep_times", [False, True], ids=["times-move", "times-set-back"])
def test_change_of_the_same_size_is_found(tmp_path: Path, table: Path, keep_times: bool) -> None:
    """Setting a file's modification time back does not hide a change: the inode's own time moves."""
    _digest(tmp_path, table)
    before = table.stat()

    table.write_text("id\n2\n")
    if keep_times:
        os.utime(table, ns=(before.st_atime_ns, before.st_mtime_ns))

    assert _digest(tmp_path, table) == _truth(table)


@pytest.mark.usefixtures("settled")
def test_change_without_a_trace_is_found_when_asked(tmp_path: Path, table: Path) -> None:
    """On a file system that keeps no times, reading everything tells the truth and says what lied."""
    _digest(tmp_path, table)
    table.write_text("id\n2\n")
    stat = table.stat()
    index = tmp_path / contents.INDEX
    entries = json.loads(index.read_text())
    entries["data/table.csv"][:4] = [stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns, stat.st_ino]
    index.write_text(json.dumps(entries))

    unasked = _digest(tmp_path, table)
    asked = contents.hash_files(tmp_path, [table], verify=True)

    assert unasked != _truth(table)
    assert asked.digests[table] == _truth(table)
    assert asked.changed_unseen == (table,)
    assert _digest(tmp_path, table) == _truth(table)


def test_file_that_was_just_written_is_not_remembered(tmp_path: Path, table: Path) -> None:
    """A second write within the clock's tick could leave the same metadata, as Git knows, too."""
    _digest(tmp_path, table)

    assert not (tmp_path / contents.INDEX).exists()


@pytest.mark.usefixtures("settled")
@pytest.mark.parametrize("content", ["", "{", "[]", '{"data/table.csv": []}', '{"data/table.csv": 5}'])
def test_broken_index_costs_time_and_nothing_else(tmp_path: Path, table: Path, content: str) -> None:
    """What cannot be read is not believed."""
    index = tmp_path / contents.INDEX
    index.parent.mkdir()
    index.write_text(content)

    assert _digest(tmp_path, table) == _truth(table)


def test_absent_file_is_told(tmp_path: Path) -> None:
    """The message names the file and the way to get it."""
    with pytest.raises(ConfigurationError, match="data pull"):
        contents.hash_files(tmp_path, [tmp_path / "data" / "absent.csv"])
