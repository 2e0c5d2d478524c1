"""The model that a change is compared with: the registry's champion, or the one that the base commit makes."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from sagemaker_gitops.aws.registry import description
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import artifact
from sagemaker_gitops.build.fingerprint import Fingerprint
from sagemaker_gitops.build.rehearsal import Rehearsed
from sagemaker_gitops.errors import ArtifactCorrupt, ConfigurationError

_FILE, _ARCHIVE = "champion.json", "model.tar.gz"
_INPUT = "input_"  # what register puts before each input of the fingerprint


@dataclass(frozen=True, kw_only=True)
class Opponent:
    """A model, the short name that heads its column, and a sentence that says which model it is."""

    name: str
    told: str
    model: Rehearsed


class Fetched(BaseModel):
    """What is known of the registry without asking it again; `version` is None while nothing is approved."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    version: int | None = None
    commit: str = ""
    model_sha256: str = ""
    inputs: Mapping[str, str] = {}
    registered: Mapping[str, int] = {}

    def registered_as(self, fingerprint: str, *, image: str) -> int | None:
        """Find the version that is this model in this serving image."""
        return self.registered.get(description(fingerprint, image))


def fetch(aws: Aws, folder: Path) -> Fetched:
    """Put the newest approved version of the registry into a folder, and the list of what is registered."""
    folder.mkdir(parents=True, exist_ok=True)
    entry, registered = aws.registry.champion(), aws.registry.versions()
    fetched = Fetched(registered=registered)
    if entry is not None:
        aws.storage.download(entry.model_data, folder / _ARCHIVE, sha256=entry.model_sha256)
        found = entry.metadata.items()
        fetched = Fetched(
            version=entry.version,
            commit=entry.commit,
            model_sha256=entry.model_sha256,
            inputs={name.removeprefix(_INPUT): text for name, text in found if name.startswith(_INPUT)},
            registered=registered,
        )
    (folder / _FILE).write_text(fetched.model_dump_json(indent=1), encoding="utf-8")
    return fetched


def read(folder: Path) -> Fetched:
    """Read what `fetch` put there."""
    try:
        return Fetched.model_validate_json((folder / _FILE).read_bytes())
    except (OSError, ValidationError) as err:
        raise ConfigurationError(
            f"the champion cannot be read: {err}",
            where=str(folder / _FILE),
            next_step="fetch it anew: `pipeline champion --folder`, with credentials of the read-only role",
        ) from err


def champion(fetched: Fetched, folder: Path, scratch: Path) -> Opponent | None:
    """Unpack the champion that `fetch` put into a folder; None while nothing is approved."""
    if fetched.version is None:
        return None
    archive = folder / _ARCHIVE
    if hashlib.sha256(archive.read_bytes()).hexdigest() != fetched.model_sha256:
        raise ArtifactCorrupt(
            "the champion's bytes are not those that were fetched", where=str(archive), next_step="fetch it anew"
        )
    return Opponent(
        name=f"champion v{fetched.version}",
        told=(
            f"Compared with the registry's champion: version {fetched.version}, the newest approved one, "
            f"registered from commit `{fetched.commit[:12]}`."
        ),
        model=_rehearsed(fetched, artifact.unpack(archive, scratch)),
    )


def base(model: Rehearsed, *, commit: str, because: str) -> Opponent:
    """Name the model of the base commit; `because` says why there is no champion."""
    told = f"Compared with the model of the base commit `{commit[:12]}`, trained here, because {because}."
    return Opponent(name="base", told=told, model=model)


def _rehearsed(fetched: Fetched, folder: Path) -> Rehearsed:
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    rows = sum(metrics["rows"].values())
    return Rehearsed(folder=folder, mark=Fingerprint(inputs=fetched.inputs), metrics=metrics, rows=rows)
