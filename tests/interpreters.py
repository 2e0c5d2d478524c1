"""The Python interpreters of this machine, by version."""

import shutil
import subprocess
from pathlib import Path

# What the template promises to work with, and ci.yml runs.
PYTHONS = ("3.11", "3.12", "3.13")


def find(version: str) -> Path | None:
    """Find an interpreter of a version that can make environments: on PATH, or one of pyenv's."""
    on_path = shutil.which(f"python{version}")
    every = [
        *([Path(on_path)] if on_path else []),
        *sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python")),
    ]
    return next((path for path in every if version_of(path) == version), None)


def version_of(path: Path) -> str:
    """Ask an interpreter for its version, because a shim may stand for any, or for none."""
    asked = "import sys, ensurepip; print('%d.%d' % sys.version_info[:2])"
    return subprocess.run([path, "-c", asked], capture_output=True, text=True, check=False).stdout.strip()
