"""One subject of a benchmark as a process of its own, timed from its start to its end."""

import os
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Measured:
    """One run: seconds from start to end, seconds of all cores' work, and the most memory held at once."""

    seconds: float
    cpu_seconds: float
    mebibytes: float


def measure(name: str, command: Sequence[str], environment: Mapping[str, str]) -> Measured:
    """Run a command with these variables beside the shell's; its peak memory is read from the kernel when it ends."""
    surroundings = {**os.environ, **environment}
    # Bytecode is compiled in an image; without it every start-up would be timed without it too.
    surroundings.pop("PYTHONDONTWRITEBYTECODE", None)
    began = time.perf_counter()
    process = subprocess.Popen(command, env=surroundings)
    _, status, usage = os.wait4(process.pid, 0)
    seconds = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{name} ended with {process.returncode}")
    return Measured(seconds=seconds, cpu_seconds=usage.ru_utime + usage.ru_stime, mebibytes=usage.ru_maxrss / 1024)
