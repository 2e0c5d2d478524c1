"""The content hash that a commit's model is known by.

Code, modelkit, locked requirements, base image, schema, hyperparameters, data version and, for a fine-tuned model,
its parent go in; the same fingerprint means the same model, so nothing is trained twice.
"""

import hashlib
import inspect
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from sagemaker_gitops.build import contents, feature_records
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project import features as definition
from sagemaker_gitops.project.environments import ImageKind

# The pin of the modelkit's wheel: the training contract, export and proof that every model is made with.
MODELKIT = Path("vendor/modelkit.txt")
_SCHEMA = Path("model/config/schema.json")
_MARKS = Path("model/config/baseline.json")
_HYPERPARAMETERS = Path("model/config/hyperparameters.json")
# Tests, caches and prose live beside the code but never decide what an image does.
_IGNORED_PARTS = frozenset({"__pycache__", "tests"})
_IGNORED_SUFFIXES = frozenset({".md", ".pyc"})


@dataclass(frozen=True, kw_only=True)
class Fingerprint:
    """What determines a model, each input as the sha256 of its content."""

    inputs: Mapping[str, str]
    # The sha256 of each file behind an input, to tell which one changed.
    files: Mapping[str, Mapping[str, str]] = field(default_factory=dict, compare=False)

    @property
    def digest(self) -> str:
        """64 hex characters over all inputs."""
        return _sha256(json.dumps(dict(self.inputs), sort_keys=True).encode())


def compute(root: Path, *, data: str | None = None, parent: str | None = None) -> Fingerprint:
    """Fingerprint the checkout at `root`.

    `data` is a stored data version in the place of the checkout's, `parent` the fingerprint of the model to
    continue from.
    """
    train = root / "model" / "train"
    modelkit = root / MODELKIT
    files = {
        "base_image": _hashes([train / "Dockerfile"], root=root),
        "code": _hashes([p for p in image_files(root, "train") if p.suffix == ".py"], root=root),
        "modelkit": _hashes([modelkit], root=root),
        "hyperparameters": _hashes([root / _HYPERPARAMETERS], root=root),
        "requirements": _hashes([train / "requirements.txt"], root=root),
        "schema": _hashes([root / _SCHEMA], root=root),
    }
    if data is None:
        files["data"] = _data_hashes(root)
    inputs = {name: digest_of(hashes) for name, hashes in files.items()}
    chosen = {"data": data, "parent": parent}
    return Fingerprint(inputs=inputs | {name: value for name, value in chosen.items() if value}, files=files)


def features(root: Path) -> Fingerprint:
    """Fingerprint the features of the checkout at `root`: its data, its schema, and what makes records of rows."""
    code = {module.__name__: _sha256(inspect.getsource(module).encode()) for module in (definition, feature_records)}
    files = {
        "data": _data_hashes(root),
        "preprocessing": code,
        "schema": _hashes([root / _SCHEMA], root=root),
    }
    return Fingerprint(inputs={name: digest_of(hashes) for name, hashes in files.items()}, files=files)


def require(mark: Fingerprint, expected: str | None) -> Fingerprint:
    """Refuse a fingerprint when another one was asked for."""
    if expected and expected != mark.digest:
        raise ConfigurationError(
            f"this checkout determines model {mark.digest[:12]}, but {expected[:12]} was asked for",
            where="--fingerprint",
            next_step="check out the commit that the earlier stage ran on, and name the same --from and --data",
        )
    return mark


def image_files(root: Path, kind: ImageKind) -> tuple[Path, ...]:
    """List what the image of `kind` is built from, in a fixed order."""
    folder = root / "model" / kind
    files = [path for path in folder.rglob("*") if path.is_file() and _enters_image(path.relative_to(folder))]
    files.append(root / MODELKIT)
    if kind == "train":
        files.append(root / _SCHEMA)
    return tuple(sorted(files))


def image_tag(root: Path, kind: ImageKind) -> str:
    """Name an image by its content: 16 hex characters."""
    return digest_of(image_hashes(root, kind))[:16]


def image_hashes(root: Path, kind: ImageKind) -> dict[str, str]:
    """Hash each file of an image."""
    return _hashes(image_files(root, kind), root=root)


def modelkit_requirement(root: Path) -> str:
    """Read which modelkit the project pins, as `name==version`."""
    lines = _read(root / MODELKIT).decode().splitlines()
    return next((line.split()[0] for line in lines if "==" in line and not line.startswith("#")), "none")


def gate_version(root: Path) -> str:
    """Hash what judges a model: the gates and their thresholds."""
    gates = [path for path in (root / "model" / "tests").rglob("*.py") if "__pycache__" not in path.parts]
    return digest_of(_hashes([*gates, root / _MARKS], root=root))


def data_files(root: Path) -> tuple[Path, ...]:
    """List the data set that a model of this checkout is trained on."""
    return tuple(sorted((root / "data").glob("*.csv")))


def data_version(root: Path) -> str:
    """Hash the data set of the checkout, or of a folder laid out like one."""
    return digest_of(_data_hashes(root))


def digest_of(hashes: Mapping[str, str]) -> str:
    """Hash named content: `hashes` maps each path to the sha256 of its file."""
    return _sha256("".join(f"{value}  {name}\n" for name, value in sorted(hashes.items())).encode())


def read_again(root: Path) -> tuple[Path, ...]:
    """Read the whole data set, and return the files that had changed without a trace in their metadata."""
    return contents.hash_files(root, data_files(root), verify=True).changed_unseen


def _data_hashes(root: Path) -> dict[str, str]:
    found = contents.hash_files(root, data_files(root)).digests
    return _required({path.relative_to(root).as_posix(): digest for path, digest in found.items()}, root=root)


def _enters_image(path: Path) -> bool:
    return path.suffix not in _IGNORED_SUFFIXES and not _IGNORED_PARTS & set(path.parts)


def _hashes(files: Iterable[Path], *, root: Path) -> dict[str, str]:
    return _required({path.relative_to(root).as_posix(): _sha256(_read(path)) for path in files}, root=root)


def _required(hashes: dict[str, str], *, root: Path) -> dict[str, str]:
    if not hashes:
        raise ConfigurationError(
            "there is nothing to fingerprint: no data set or no code",
            where=str(root),
            next_step="run from the project's root; data/ needs a .csv file: `pipeline data pull`",
        )
    return hashes


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as err:
        raise ConfigurationError(
            f"a file that determines the model cannot be read: {err.strerror}",
            where=str(path),
            next_step="restore it from git",
        ) from err


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
