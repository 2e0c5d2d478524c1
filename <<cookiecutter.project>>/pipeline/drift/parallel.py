"""Reading captures on every core: blocks of whole lines go out to processes, tallies come back and are merged."""

import gc
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

from pipeline.drift.baseline import Baseline, read_baseline
from pipeline.drift.events import blocks
from pipeline.drift.reader import CaptureReader, Window
from pipeline.drift.shard import dump_tally, load_tally
from pipeline.drift.tally import Tally
from pipeline.drift.truth import Truth

# Below this a second process costs more than it saves: it takes half a second to start.
WORTH_BYTES = 64 << 20
_BLOCK_BYTES = 16 << 20
# How many blocks wait for each process: enough to keep it busy, few enough to bound memory.
_WAITING = 2

# Name, variant and content of a capture file.
File = tuple[str, str, Iterable[bytes]]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What every process counts against; `files` are the baseline's."""

    files: Mapping[str, bytes]
    window: Window
    release: str
    truth: Truth

    def baseline(self) -> Baseline:
        """Read the baseline anew: it is cheaper to read than to send."""
        return read_baseline(self.files, where="the release's baseline")

    def reader(self, baseline: Baseline) -> CaptureReader:
        """Start a reader."""
        return CaptureReader(baseline, window=self.window, release=self.release, truth=self.truth)


def read_files(reading: Reading, files: Iterable[File], *, size: int) -> Tally:
    """Count capture files of `size` bytes in all: on one core or on all of them, the answer is the same."""
    if size < WORTH_BYTES or (os.cpu_count() or 1) == 1:
        reader = reading.reader(reading.baseline())
        for name, variant, chunks in files:
            reader.read(name, chunks, variant=variant)
        return reader.finish()
    return _in_processes(reading, files, count=os.cpu_count() or 1)


def _in_processes(reading: Reading, files: Iterable[File], *, count: int) -> Tally:
    total = reading.reader(reading.baseline()).finish()
    # A forked child would inherit the threads and connections of boto3 in an unknown state.
    context = get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context, initializer=_begin, initargs=(reading,)) as pool:
        waiting: deque[Future[bytes]] = deque()
        for name, variant, block in _blocks(files, total):
            waiting.append(pool.submit(_count, name, variant, block))
            if len(waiting) >= count * _WAITING:
                total.merge(load_tally(waiting.popleft().result()))
        for done in waiting:
            total.merge(load_tally(done.result()))
    return total


def _blocks(files: Iterable[File], total: Tally) -> Iterator[tuple[str, str, bytes]]:
    """Cut files into blocks; one that breaks off counts as far as it went."""
    reading = total.reading
    for name, variant, chunks in files:
        reading.files += 1
        try:
            for block in blocks(chunks, size=_BLOCK_BYTES):
                yield name, variant, block
        except OSError as err:
            reading.unreadable_files[name] = f"{type(err).__name__}: {err}"


# What a process keeps between its blocks.
_here: list[tuple[Reading, Baseline]] = []


def _begin(reading: Reading) -> None:
    # Events are trees without cycles; looking for cycles among millions of them costs a fifth of the time.
    gc.disable()
    _here.append((reading, reading.baseline()))


def _count(name: str, variant: str, block: bytes) -> bytes:
    reading, baseline = _here[0]
    reader = reading.reader(baseline)
    reader.read(name, [block], variant=variant)
    tally = reader.finish()
    tally.reading.files = 0
    return dump_tally(tally)
