"""Capture files on this machine, cut into spans of whole lines, so that each process reads its own."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Self

from sagemaker_gitops.monitor.events import BLOCK_BYTES, LONGEST_LINE_BYTES


@dataclass(frozen=True, kw_only=True)
class Span:
    """The lines of a file that begin from `start` to before `end`, in bytes; read where it is iterated over."""

    path: Path
    start: int = 0
    end: int

    @classmethod
    def whole(cls, path: Path) -> Self:
        """Take the whole file."""
        return cls(path=path, end=path.stat().st_size)

    def parts(self, size: int) -> Iterator["Span"]:
        """Cut it into spans of `size` bytes each."""
        for start in range(self.start, self.end, size):
            yield Span(path=self.path, start=start, end=min(start + size, self.end))

    def __iter__(self) -> Iterator[bytes]:
        """Read its lines block by block; one that is too long is cut, and so corrupt."""
        with self.path.open("rb") as file:
            start = _next_line(file, self.start)
            for part in self.parts(BLOCK_BYTES):
                end = _next_line(file, part.end)
                file.seek(start)
                if lines := file.read(end - start):
                    yield lines
                start = end


def _next_line(file: BinaryIO, place: int) -> int:
    """Return where the first line begins that does not begin before `place`, or where the search is given up."""
    if place == 0:
        return 0
    file.seek(place - 1)
    file.readline(LONGEST_LINE_BYTES)
    return file.tell()
