"""The content hash that a commit's model is known by.

Code, locked requirements, base image, schema, hyperparameters and data version go in;
the same fingerprint means the same model, so nothing is trained twice.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipeline.errors import ConfigurationError

ImageKind = Literal["train", "inference"]

_SCHEMA = Path("model/config/schema.json")
_HYPERPARAMETERS = Path("model/config/hyperparameters.json")
# Tests, caches and prose live beside the code but never decide what an image does.
_IGNORED_PARTS = frozenset({"__pycache__", "tests"})
_IGNORED_SUFFIXES = frozenset({".md", ".pyc"})


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What determines a model, each input as the sha256 of its content."""

    inputs: Mapping[str, str]

    @property
    def digest(self) -> str:
        """64 hex characters over all inputs."""
        return _sha256(json.dumps(dict(self.inputs), sort_keys=True).encode())


def compute(root: Path) -> Fingerprint:
    """Fingerprint the checkout at `root`."""
    train = root / "model" / "train"
    code = [p for p in image_files(root, "train") if p.suffix == ".py"]
    return Fingerprint(
        inputs={
            "base_image": _digest([train / "Dockerfile"], root=root),
            "code": _digest(code, root=root),
            "data": data_version(root),
            "hyperparameters": _digest([root / _HYPERPARAMETERS], root=root),
            "requirements": _digest([train / "requirements.txt"], root=root),
            "schema": _digest([root / _SCHEMA], root=root),
        }
    )


def require(root: Path, expected: str | None) -> Fingerprint:
    """Fingerprint the checkout, and refuse it when another one was asked for."""
    mark = compute(root)
    if expected and expected != mark.digest:
        raise ConfigurationError(
            f"this checkout determines model {mark.digest[:12]}, but {expected[:12]} was asked for",
            where="--fingerprint",
            next_step="check out the commit that the earlier stage ran on",
        )
    return mark


def image_files(root: Path, kind: ImageKind) -> tuple[Path, ...]:
    """List what the image of `kind` is built from, in a fixed order."""
    folder = root / "model" / kind
    files = [path for path in folder.rglob("*") if path.is_file() and _enters_image(path.relative_to(folder))]
    if kind == "train":
        files.append(root / _SCHEMA)
    return tuple(sorted(files))


def image_tag(root: Path, kind: ImageKind) -> str:
    """Name an image by its content: 16 hex characters."""
    return _digest(image_files(root, kind), root=root)[:16]


def data_files(root: Path) -> tuple[Path, ...]:
    """List the data set that a model of this checkout is trained on."""
    return tuple(sorted((root / "data").glob("*.csv")))


def data_version(root: Path) -> str:
    """Hash the data set."""
    return _digest(data_files(root), root=root)


def _enters_image(path: Path) -> bool:
    return path.suffix not in _IGNORED_SUFFIXES and not _IGNORED_PARTS & set(path.parts)


def _digest(files: Iterable[Path], *, root: Path) -> str:
    lines = [f"{_sha256(_read(path))}  {path.relative_to(root).as_posix()}\n" for path in files]
    if not lines:
        raise ConfigurationError(
            "there is nothing to fingerprint: no data set or no code",
            where=str(root),
            next_step="run from the project's root; data/ must hold at least one .csv file",
        )
    return _sha256("".join(lines).encode())


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigurationError(
            f"a file that determines the model cannot be read: {err.strerror}",
            where=str(path),
            next_step="restore it from git, or run `dvc pull` if it is data",
        ) from err


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
