"""On every core the answer is that of one."""

from collections.abc import Iterator

import pytest

from pipeline.drift import parallel
from pipeline.drift.parallel import Reading, read_files
from pipeline.drift.truth import read_truth
from pipeline.tests.drift.worlds import RELEASE, VARIANT, WINDOW, World, events, truth_lines


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
