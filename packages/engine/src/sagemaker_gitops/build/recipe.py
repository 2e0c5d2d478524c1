"""What a model is made from: the checkout, or a stored data version, and perhaps a parent to continue from."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.aws.registry import REJECTED, RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import fingerprint
from sagemaker_gitops.build.fingerprint import Fingerprint
from sagemaker_gitops.errors import ArtifactCorrupt, ConfigurationError, GateFailed, ModelMissing
from sagemaker_gitops.project.settings import Settings

_SHORTEST_PREFIX = 8


@dataclass(frozen=True, kw_only=True)
class Choice:
    """What the command line says beside the checkout: a version to continue from, a stored data version."""

    parent: int | None = None
    data: str | None = None


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """The fingerprint of a model, and the registered version that it continues."""

    mark: Fingerprint
    parent: RegisteredModel | None

    @property
    def lineage(self) -> Mapping[str, str]:
        """What the registry remembers of the parent."""
        if self.parent is None:
            return {}
        return {
            "parent_version": str(self.parent.version),
            "parent_fingerprint": self.parent.fingerprint,
            "parent_data_version": self.parent.data_version,
            "parent_model_sha256": self.parent.model_sha256,
        }


def resolve(settings: Settings, aws: Aws, choice: Choice) -> Recipe:
    """Find out which model was asked for."""
    parent = _parent(aws, choice.parent) if choice.parent else None
    data = stored_version(settings, aws, choice.data) if choice.data else None
    mark = fingerprint.compute(settings.root, data=data, parent=parent.fingerprint if parent else None)
    return Recipe(mark=mark, parent=parent)


def stored_version(settings: Settings, aws: Aws, text: str) -> str:
    """Complete the beginning of a data version's hash."""
    names = [name.removesuffix("/") for name in aws.storage.children(f"s3://{settings.data_bucket}/")]
    found = [name for name in names if name.startswith(text) and len(name) == 64]
    if len(text) < _SHORTEST_PREFIX or len(found) != 1:
        raise ConfigurationError(
            f"{text!r} names {len(found)} stored data versions, where one is expected",
            where="--data",
            next_step=f"give at least {_SHORTEST_PREFIX} characters; `pipeline data push` tells a version",
        )
    return found[0]


def data_folder(settings: Settings, aws: Aws, version: str, scratch: Path) -> Path:
    """Return a folder with the files of a data version: the checkout's, or a verified copy in `scratch`."""
    if fingerprint.data_files(settings.root) and fingerprint.data_version(settings.root) == version:
        return settings.root / "data"
    prefix, folder = data_prefix(settings, version), scratch / "data"
    folder.mkdir(parents=True)
    for name in aws.storage.children(prefix):
        aws.storage.fetch(prefix + name, folder / name)
    _verify(scratch, version, prefix)
    return folder


def upload_data(settings: Settings, aws: Aws, mark: Fingerprint) -> str:
    """Store the checkout's data set under its version, once, and return its prefix."""
    prefix = data_prefix(settings, mark.inputs["data"])
    for name, digest in mark.files["data"].items():
        path = settings.root / name
        aws.storage.put_new(prefix + path.name, path, sha256=digest)
    return prefix


def data_prefix(settings: Settings, version: str) -> str:
    """Where a data version is stored: a prefix that is never written twice."""
    return f"s3://{settings.data_bucket}/{version}/"


def _parent(aws: Aws, version: int) -> RegisteredModel:
    parent = aws.registry.describe(version)
    if parent.gates != "passed" or parent.status == REJECTED:
        raise GateFailed(
            f"version {version} is {parent.status} with gates {parent.gates or 'unknown'}: nothing may continue it",
            where="--from",
            next_step="name a version that passed its gates and was not rejected",
        )
    if not aws.storage.exists(parent.model_data):
        raise ModelMissing(
            f"the artefact of version {version} is no longer there, so nothing can continue it",
            where=parent.model_data,
            next_step="check its commit out and run train and register: that makes it again",
        )
    return parent


def _verify(root: Path, version: str, prefix: str) -> None:
    actual = fingerprint.data_version(root) if fingerprint.data_files(root) else "nothing"
    if actual != version:
        raise ArtifactCorrupt(
            f"the stored data is {actual}, not the version that its prefix names",
            where=prefix,
            next_step="run `pipeline data push` where the data is, and then this again",
        )
