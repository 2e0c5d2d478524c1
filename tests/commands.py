"""Run commands as a newcomer's shell does, and see what they leave running."""

import os
import subprocess
from pathlib import Path

import psutil


def newcomer() -> dict[str, str]:
    """Return an environment of three variables: what the machine is set up with stays in HOME."""
    return {"HOME": os.environ["HOME"], "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def make(*words: str, folder: Path, seconds: int) -> subprocess.CompletedProcess[str]:
    """Run `make` in a folder, with its output in one text."""
    return subprocess.run(
        ["make", *words],
        cwd=folder,
        env=newcomer(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=seconds,
    )


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
