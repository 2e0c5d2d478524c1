"""The model that fine-tuning continues from: its artefact in the `model` channel, verified before use."""

import hashlib
import json
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from sagemaker_gitops_modelkit.training.failures import InputRefused
from sagemaker_gitops_modelkit.training.feature_schema import Schema, load_schema, parse_schema

# SageMaker's name for the channel of a model to continue from.
CHANNEL = "model"
_NEEDED = ("manifest.json", "model.onnx", "schema.json")


@dataclass(frozen=True, kw_only=True)
class Parent:
    """A trained graph, the schema it was trained with, and the sha256 of the archive that held both."""

    graph: bytes
    schema: Schema
    sha256: str


def load_parent(channel: Path, *, sha256: str | None) -> Parent | None:
    """Read the one model.tar.gz of the channel; None when the job has no such channel."""
    if not channel.is_dir():
        return None
    archives = sorted(channel.glob("*.tar.gz"))
    if len(archives) != 1:
        raise _refused(f"{len(archives)} archives were given, where one parent is expected", channel)
    actual = hashlib.sha256(archives[0].read_bytes()).hexdigest()
    if actual != sha256:
        raise _refused(f"the parent's sha256 is {actual}, but {sha256 or 'nothing'} was recorded", archives[0])
    files = _verified(archives[0])
    return Parent(graph=files["model.onnx"], schema=parse_schema(json.loads(files["schema.json"])), sha256=actual)


def require_same_features(parent: Parent, schema: Path) -> None:
    """Refuse a parent that was trained on other features than this code's."""
    ours, theirs = load_schema(schema), parent.schema
    if ours != theirs:
        named = {feature.name for feature in {*ours.features} ^ {*theirs.features}} or {"target, id or protected"}
        raise InputRefused(
            f"the parent was trained with another schema; it differs in {', '.join(sorted(named))}",
            where="schema.json",
            next_step="train from scratch: a graph cannot take features that it has no input for",
        )


def _verified(archive: Path) -> Mapping[str, bytes]:
    try:
        files = _read(archive)
    except (tarfile.TarError, OSError) as error:
        raise _refused(f"the parent's archive cannot be read: {error}", archive) from error
    except KeyError as absent:
        raise _refused(f"the parent's archive holds no {absent.args[0]}", archive) from absent
    expected = json.loads(files["manifest.json"])["files"]
    for name, content in files.items():
        if name != "manifest.json" and hashlib.sha256(content).hexdigest() != expected.get(name):
            raise _refused(f"{name} differs from the parent's manifest", archive)
    return files


def _read(archive: Path) -> dict[str, bytes]:
    with tarfile.open(archive) as tar:
        # Some archivers write ./manifest.json.
        members = {PurePosixPath(member.name).as_posix(): member for member in tar if member.isfile()}
        return {name: _content(tar, members[name]) for name in _NEEDED}


def _content(tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    content = tar.extractfile(member)
    return content.read() if content else b""


def _refused(what: str, where: Path) -> InputRefused:
    return InputRefused(
        what, where=str(where), next_step="pass the artefact of a registered version: `train --from <version>`"
    )
