"""Run commands as a newcomer's shell does, bounded by silence instead of time, and see what they leave running."""

import os
import select
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import psutil

# Every step of a command prints something: minutes without a byte are a command that hangs, on a loaded machine too.
SILENT_SECONDS = 600


def newcomer() -> dict[str, str]:
    """Return an environment of three variables: what the machine is set up with stays in HOME."""
    return {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


@dataclass(frozen=True)
class Command:
    """A command that runs in a process group of its own, and its output so far."""

    process: "subprocess.Popen[bytes]"
    chunks: list[bytes] = field(default_factory=list)

    @property
    def output(self) -> str:
        """Return what it has printed, errors included."""
        return b"".join(self.chunks).decode(errors="replace")

    def read(self, seconds: float) -> bool:
        """Wait so long for more output; return whether there may be more later."""
        assert self.process.stdout is not None
        ready, _, _ = select.select([self.process.stdout], [], [], seconds)
        if not ready:
            return True
        chunk = os.read(self.process.stdout.fileno(), 1 << 16)
        self.chunks.append(chunk)
        return bool(chunk)

    def finish(self) -> int:
        """Read until it ends; return its exit code. One that is silent for too long hangs."""
        known = -1
        while known != len(self.chunks):
            known = len(self.chunks)
            if not self.read(SILENT_SECONDS):
                return self.process.wait()
        raise AssertionError(f"no output for {SILENT_SECONDS} s after:\n{self.output[-4000:]}")


@contextmanager
def started(*words: str, folder: Path) -> Iterator[Command]:
    """Start a command in a folder; whatever of its group is left at the end is killed."""
    with subprocess.Popen(
        words,
        cwd=folder,
        env=newcomer(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    ) as process:
        try:
            yield Command(process)
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)


def make(*words: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run `make` in a folder, with its output in one text."""
    with started("make", *words, folder=folder) as command:
        code = command.finish()
    return subprocess.CompletedProcess(["make", *words], code, stdout=command.output)


def running_in(folder: Path) -> list[str]:
    """List the command lines of processes that work in or refer to a folder."""
    found = []
    for process in psutil.process_iter():
        try:
            line = " ".join(process.cmdline())
            if str(folder) in line or Path(process.cwd()).is_relative_to(folder):
                found.append(line)
        except psutil.Error:  # gone meanwhile, or somebody else's
            continue
    return found
