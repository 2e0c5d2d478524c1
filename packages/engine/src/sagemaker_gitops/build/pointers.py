"""The pointers that Git keeps of the data: data/<file>.dvc names a file's content, DVC moves the content itself."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sagemaker_gitops.errors import ConfigurationError

State = Literal["current", "changed", "missing"]


@dataclass(frozen=True, kw_only=True)
class Pointer:
    """A file of the data set, and the content that this commit expects in it."""

    pointer: Path
    path: Path
    md5: str

    def state(self) -> State:
        """Compare the file with its pointer."""
        if not self.path.is_file():
            return "missing"
        with self.path.open("rb") as file:
            # DVC's own hash; what a model is known by is the sha256 of the same bytes.
            actual = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
        return "current" if actual == self.md5 else "changed"


class _Out(BaseModel):
    model_config = ConfigDict(frozen=True)

    md5: str = Field(pattern="^[0-9a-f]{32}$")
    path: str


class _Document(BaseModel):
    model_config = ConfigDict(frozen=True)

    outs: tuple[_Out, ...] = Field(min_length=1)


def read(root: Path) -> tuple[Pointer, ...]:
    """Read every pointer of the checkout."""
    return tuple(found for path in sorted((root / "data").glob("*.dvc")) for found in parse(path, path.read_text()))


def parse(path: Path, content: str) -> Iterator[Pointer]:
    """Read a pointer's text."""
    try:
        document = _Document.model_validate(yaml.safe_load(content))
    except (yaml.YAMLError, ValidationError) as err:
        raise ConfigurationError(
            f"this is no pointer of DVC to one file with its md5: {err}",
            where=str(path),
            next_step="restore it from git, or write it anew with `pipeline data commit`",
        ) from err
    for out in document.outs:
        yield Pointer(pointer=path, path=path.parent / out.path, md5=out.md5)


def untracked(root: Path) -> tuple[Path, ...]:
    """List the files of the data set that no pointer names."""
    known = {pointer.path for pointer in read(root)}
    return tuple(path for path in sorted((root / "data").glob("*.csv")) if path not in known)
