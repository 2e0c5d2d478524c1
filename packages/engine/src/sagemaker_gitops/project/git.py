"""What git knows of this checkout: an older file, the commit, what changed."""

import subprocess
from pathlib import Path

from sagemaker_gitops.errors import ConfigurationError


def head(root: Path) -> str | None:
    """Name the commit that is checked out; None where there is no commit yet."""
    done = _git(root, "rev-parse", "--quiet", "--verify", "HEAD")
    return done.stdout.strip() if done.returncode == 0 else None


def merge_base(root: Path, base: str) -> str:
    """Find the commit that this checkout and `base` have in common."""
    done = _git(root, "merge-base", base, "HEAD")
    if done.returncode != 0:
        raise ConfigurationError(
            f"{base} has no commit in common with this checkout, or is not in this clone: {done.stderr.strip()}",
            where="--base",
            next_step="fetch it with its history: `git fetch --unshallow origin`, in a workflow `fetch-depth: 0`",
        )
    return done.stdout.strip()


def content(root: Path, commit: str, file: str) -> str | None:
    """Read a file as it was at a commit; None if it was not there."""
    done = _git(root, "show", f"{commit}:./{file}")
    return done.stdout if done.returncode == 0 else None


def listed(root: Path, commit: str, folder: str) -> tuple[str, ...]:
    """List the files of a folder as they were at a commit, relative to `root`."""
    done = _git(root, "ls-tree", "-r", "-z", "--name-only", commit, "--", folder)
    if done.returncode != 0:
        raise ConfigurationError(
            f"{commit} is not in this clone: {done.stderr.strip()}",
            where="--base",
            next_step="fetch it with its history: `git fetch --unshallow origin`, in a workflow `fetch-depth: 0`",
        )
    return _names(done.stdout)


def changed(root: Path, commit: str) -> tuple[str, ...]:
    """List the files that differ between a commit and HEAD, relative to `root`."""
    done = _git(root, "diff", "-z", "--name-only", "--no-renames", "--relative", commit, "HEAD")
    return _names(done.stdout)


def _names(listed: str) -> tuple[str, ...]:
    """Split names that git ends with NUL; without -z it quotes whatever is beyond ASCII."""
    return tuple(listed.split("\0")[:-1])


def _git(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    try:
        # A file's name may be any bytes; surrogates carry those that are no UTF-8.
        return subprocess.run(
            ["git", *arguments],  # noqa: S607
            cwd=root,
            capture_output=True,
            encoding="utf-8",
            errors="surrogateescape",
            check=False,
        )
    except FileNotFoundError as err:
        raise ConfigurationError(
            "git is not installed, and a model is named by its commit", where="PATH", next_step="install git"
        ) from err
