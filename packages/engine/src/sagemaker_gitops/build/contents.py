"""The sha256 of large files, remembered until a file's metadata changes.

An entry holds what stat said when the file was read. A file that was written within the clock's
coarsest tick of its reading is not remembered: a second write could leave the same metadata.
"""

import hashlib
import json
import os
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.errors import ConfigurationError

INDEX = Path(".cache/contents.json")
Entries = dict[str, list[int | str]]

_FIELDS = 5
_SETTLED_NANOSECONDS = 2_000_000_000


@dataclass(frozen=True, kw_only=True)
class Hashed:
    """The sha256 of each file, and the files whose content changed although their metadata did not."""

    digests: dict[Path, str]
    changed_unseen: tuple[Path, ...]


def hash_files(root: Path, files: Iterable[Path], *, verify: bool = False) -> Hashed:
    """Hash files below `root`; `verify` reads every one, whatever is remembered of it."""
    known = _load(root / INDEX)
    digests: dict[Path, str] = {}
    fresh: Entries = {}
    unseen: list[Path] = []
    for path in files:
        name, before = path.relative_to(root).as_posix(), _stat(path)
        remembered = str(known[name][-1]) if known.get(name, [])[:-1] == before else None
        digest = _sha256(path) if verify or remembered is None else remembered
        if remembered not in {None, digest}:
            unseen.append(path)
        if before == _stat(path) and _settled(before):
            fresh[name] = [*before, digest]
        digests[path] = digest
    if (merged := known | fresh) != known:
        _save(root / INDEX, merged)
    return Hashed(digests=digests, changed_unseen=tuple(unseen))


def _stat(path: Path) -> list[int | str]:
    try:
        found = path.stat()
    except OSError as err:
        raise _unreadable(path, err) from err
    return [found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino]


def _settled(stat: list[int | str]) -> bool:
    return time.time_ns() - max(int(stat[1]), int(stat[2])) > _SETTLED_NANOSECONDS


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as err:
        raise _unreadable(path, err) from err


def _unreadable(path: Path, err: OSError) -> ConfigurationError:
    return ConfigurationError(
        f"a file that determines the model cannot be read: {err.strerror}",
        where=str(path),
        next_step="restore it from git, or run `pipeline data pull` if it is data",
    )


def _load(index: Path) -> Entries:
    try:
        content = json.loads(index.read_text())
    except (OSError, ValueError):
        return {}  # only an index: without it every file is read
    entries = content.items() if isinstance(content, dict) else ()
    return {name: entry for name, entry in entries if isinstance(entry, list) and len(entry) == _FIELDS}


def _save(index: Path, content: Entries) -> None:
    draft = index.with_suffix(f".{os.getpid()}")
    try:
        index.parent.mkdir(exist_ok=True)
        draft.write_text(json.dumps(content, indent=1, sort_keys=True))
        draft.replace(index)
    except OSError:
        draft.unlink(missing_ok=True)  # a checkout may be read-only; then nothing is remembered
