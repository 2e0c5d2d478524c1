"""Tools with a lock of their own: each is installed on first use, into an environment of its own below .cache/."""

import hashlib
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from uv import find_uv_bin

from sagemaker_gitops.errors import ConfigurationError

_LOCKS = Path(__file__).parent / "locks"


@dataclass(frozen=True, kw_only=True)
class Locked:
    """A tool by the name that people know, and its lock in this package."""

    name: str
    lock: str

    def environment(self, root: Path) -> Path:
        """Return the virtual environment of exactly this lock, made now unless it is there."""
        lock = _LOCKS / self.lock
        word = self.name.lower()
        mark = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()[:16]
        folder = root / ".cache" / f"{word}-{mark}"
        if not folder.is_dir():
            folder.parent.mkdir(exist_ok=True)
            with tempfile.TemporaryDirectory(prefix=f"{word}-", dir=folder.parent) as scratch:
                self._make(Path(scratch) / "venv", lock)
                _settle(Path(scratch) / "venv", folder)
        return folder

    def _make(self, draft: Path, lock: Path) -> None:
        python = str(draft / "bin" / "python")
        self._uv("venv", "--quiet", "--relocatable", "--python", sys.executable, str(draft))
        self._uv("pip", "sync", "--quiet", "--require-hashes", "--python", python, str(lock))

    def _uv(self, *arguments: str) -> None:
        # The machine's own certificates count, as under make, so that a company's proxy works.
        known = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
        environment = {"UV_SYSTEM_CERTS": "1"} | known
        done = subprocess.run([find_uv_bin(), *arguments], env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            raise ConfigurationError(
                f"{self.name} could not be installed: {done.stderr.strip()[-800:]}",
                where=str(_LOCKS / self.lock),
                next_step="check the network or the package cache, then run it again",
            )


def environ() -> dict[str, str]:
    """Return this process's variables for a tool: its bytecode is written once, and saves seconds ever after."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def _settle(draft: Path, folder: Path) -> None:
    try:
        draft.rename(folder)
    except OSError:
        # Another run made the same environment in the meantime.
        if not folder.is_dir():
            raise
