"""On every core the answer is that of one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sagemaker_gitops.monitor import events as events_module
from sagemaker_gitops.monitor import parallel
from sagemaker_gitops.monitor.answers import Truth, read_truth
from sagemaker_gitops.monitor.events import Span
from sagemaker_gitops.monitor.parallel import Reading, read_files
from tests.engine.drift.worlds import RELEASE, VARIANT, WINDOW, World, events, truth_lines


def test_processes_give_the_answer_of_one(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks counted in processes of their own merge to what one reader counts, a broken file included."""
    monkeypatch.setattr(parallel, "_BLOCK_BYTES", 50_000)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    sample = world.sample(600, seed=0)
    truth = read_truth(truth_lines(sample), world.baseline.contract)
    reading = Reading(files=world.files, window=WINDOW, release=RELEASE, truth=truth)
    lines = [line + b"\n" for line in events(sample)]

    def breaking() -> Iterator[bytes]:
        yield from lines[400:]
        raise OSError("connection reset")

    one, many = (
        read_files(reading, [("whole", VARIANT, lines[:400]), ("broken", VARIANT, breaking())], size=size)
        for size in (1, parallel.WORTH_BYTES)
    )

    assert one.reading == many.reading
    assert many.reading.unreadable_files == {"broken": "OSError: connection reset"}
    assert all((one.numbers[name].counts == many.numbers[name].counts).all() for name in one.numbers)
    assert all((one.categories[name].counts == many.categories[name].counts).all() for name in one.categories)
    assert sorted(one.labelled[""].key) == sorted(many.labelled[""].key)


def test_processes_read_files_of_their_own(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file on this machine is cut at lines, and read by whoever counts it, with the answer of its stream."""
    monkeypatch.setattr(parallel, "_BLOCK_BYTES", 50_000)
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    path = tmp_path / "captures.jsonl"
    lines = [line + b"\n" for line in events(world.sample(600, seed=0))]
    path.write_bytes(b"".join([*lines, b"no event\n", lines[0].rstrip()]))
    reading = Reading(files=world.files, window=WINDOW, release=RELEASE, truth=Truth())

    streamed = read_files(reading, [("one", VARIANT, [path.read_bytes()])], size=1)
    here, cut = (
        read_files(reading, [("one", VARIANT, Span.whole(path))], size=size) for size in (1, parallel.WORTH_BYTES)
    )

    assert streamed.reading == here.reading == cut.reading
    assert (cut.reading.events, cut.reading.corrupt_lines) == (601, 1)
    assert all((here.numbers[name].counts == cut.numbers[name].counts).all() for name in here.numbers)


def test_odd_names_change_nothing(world: World) -> None:
    """A call whose name is no text counts, whether names are asked for in its block or not."""
    line = events(world.sample(1, seed=0))[0]
    odd = re.sub(rb'"(eventId|inferenceId)":\s*"[^"]*"', rb'"\1": [7]', line) + b"\n"
    own = re.sub(rb'"inferenceId":\s*"[^"]*"', b'"inferenceId": "verification-1"', line) + b"\n"
    reading = Reading(files=world.files, window=WINDOW, release=RELEASE, truth=Truth())

    alone, beside = (read_files(reading, [("one", VARIANT, [block])], size=1).reading for block in (odd, odd + own))

    assert odd.count(b"[7]") == 2
    assert own.count(b"verification-1") == 1
    assert alone == beside
    assert (alone.events, alone.corrupt_lines) == (1, 0)


@pytest.mark.parametrize("size", [1, 7, 10, 11, 100])
def test_spans_hold_every_line_once(size: int, tmp_path: Path) -> None:
    """Wherever the cuts fall, in lines, between them or beyond a long one, each line is in one span."""
    path = tmp_path / "lines"
    lines = [b"first\n", b"\n", b"a longer one than any cut\n", b"next\n", b"the last has no end"]
    path.write_bytes(b"".join(lines))

    found = [b"".join(span) for span in Span.whole(path).parts(size)]

    assert b"".join(found) == path.read_bytes()
    assert all(piece.endswith((b"\n", lines[-1])) for piece in found if piece)


def test_file_without_lines_ends(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Where no line ends for too long it is not sought for ever; what follows is read again."""
    monkeypatch.setattr(events_module, "LONGEST_LINE_BYTES", 10_000)
    monkeypatch.setattr(events_module, "BLOCK_BYTES", 5_000)
    lines = [line + b"\n" for line in events(world.sample(20, seed=0))]
    path = tmp_path / "captures.jsonl"
    path.write_bytes(b"".join([*lines[:10], b"x" * 100_000 + b"\n", *lines[10:]]))
    reading = Reading(files=world.files, window=WINDOW, release=RELEASE, truth=Truth())

    found = read_files(reading, [("one", VARIANT, Span.whole(path))], size=1).reading

    assert found.events == 20
    assert 1 <= found.corrupt_lines <= 100_000 / 5_000 + 1


def test_vanished_file_is_named(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A file that is gone when its turn comes is reported, whoever wanted to read it."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    reading = Reading(files=world.files, window=WINDOW, release=RELEASE, truth=Truth())
    gone = Span(path=tmp_path / "gone.jsonl", end=1000)

    here, cut = (read_files(reading, [("gone", VARIANT, gone)], size=size) for size in (1, parallel.WORTH_BYTES))

    assert here.reading == cut.reading
    assert "FileNotFoundError" in here.reading.unreadable_files["gone"]
