"""Reading captures on every core: blocks of whole lines go out to processes, tallies come back and are merged."""

import gc
import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from multiprocessing import get_context

import msgspec

from sagemaker_gitops.monitor.answers import Truth
from sagemaker_gitops.monitor.baseline import Baseline, read_baseline
from sagemaker_gitops.monitor.events import BLOCK_BYTES, Span, blocks
from sagemaker_gitops.monitor.reader import CaptureReader
from sagemaker_gitops.monitor.tally import Tally, dump_tally, load_tally
from sagemaker_gitops.monitor.window import Window

# Below this a second process costs more than it saves: it takes half a second to start.
WORTH_BYTES = 64 << 20
_BLOCK_BYTES = BLOCK_BYTES
# How many blocks wait for each process: enough to keep it busy, few enough to bound memory.
_WAITING = 2

# Name, variant and content of a capture file.
File = tuple[str, str, Iterable[bytes]]


class Task(msgspec.Struct, frozen=True, kw_only=True):
    """What the stage asks of every shard."""

    start: datetime
    end: datetime
    labels_since: datetime
    release: str


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
    others = (os.cpu_count() or 1) - 1 if size >= WORTH_BYTES else 0
    with _without_cycles():
        return _in_processes(reading, files, others) if others else _here(reading, files)


def _here(reading: Reading, files: Iterable[File]) -> Tally:
    reader = reading.reader(reading.baseline())
    for name, variant, chunks in files:
        reader.read(name, chunks, variant=variant)
    return reader.finish()


def _in_processes(reading: Reading, files: Iterable[File], others: int) -> Tally:
    """Hand blocks to `others`, and count here what they have no time for; blocks are merged in their order."""
    baseline = reading.baseline()
    total = reading.reader(baseline).finish()
    # A forked child would inherit the threads and connections of boto3 in an unknown state.
    context = get_context("spawn")
    waiting: deque[Future[bytes] | Tally] = deque()
    with ProcessPoolExecutor(others, mp_context=context, initializer=_begin, initargs=(reading,)) as pool:
        for block in _blocks(files, total):
            if sum(isinstance(one, Future) and not one.done() for one in waiting) < others * _WAITING:
                waiting.append(pool.submit(_count, *block))
            else:
                waiting.append(_counted(reading, baseline, *block))
            while waiting and (isinstance(waiting[0], Tally) or waiting[0].done()):
                total.merge(_tally(waiting.popleft()))
        for one in waiting:
            total.merge(_tally(one))
    return total


def _tally(one: Future[bytes] | Tally) -> Tally:
    return one if isinstance(one, Tally) else load_tally(one.result())


@contextmanager
def _without_cycles() -> Iterator[None]:
    """Events are trees; looking for cycles among millions of them costs a fifth of the time."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _blocks(files: Iterable[File], total: Tally) -> Iterator[File]:
    """Cut files into blocks; one that breaks off counts as far as it went."""
    reading = total.reading
    for name, variant, chunks in files:
        reading.files += 1
        try:
            # What lies on this machine is read by the process that counts it.
            if isinstance(chunks, Span):
                yield from ((name, variant, part) for part in chunks.parts(_BLOCK_BYTES))
            else:
                yield from ((name, variant, [block]) for block in blocks(chunks, size=_BLOCK_BYTES))
        except OSError as err:
            reading.unreadable_files[name] = f"{type(err).__name__}: {err}"


# What a process keeps between its blocks.
_mine: list[tuple[Reading, Baseline]] = []


def _begin(reading: Reading) -> None:
    gc.disable()
    _mine.append((reading, reading.baseline()))


def _count(name: str, variant: str, block: Iterable[bytes]) -> bytes:
    return dump_tally(_counted(*_mine[0], name, variant, block))


def _counted(reading: Reading, baseline: Baseline, name: str, variant: str, block: Iterable[bytes]) -> Tally:
    reader = reading.reader(baseline)
    reader.read(name, block, variant=variant)
    tally = reader.finish()
    tally.reading.files = 0
    return tally
