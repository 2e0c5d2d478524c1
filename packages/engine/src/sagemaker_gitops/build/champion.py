"""The model that a change is compared with: the registry's champion, or the one that the base commit makes."""

import json
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.aws.registry import RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import artifact
from sagemaker_gitops.build.fingerprint import Fingerprint
from sagemaker_gitops.build.rehearsal import Rehearsed

_INPUT = "input_"  # what register puts before each input of the fingerprint


@dataclass(frozen=True, kw_only=True)
class Opponent:
    """A model, the short name that heads its column, and a sentence that says which model it is."""

    name: str
    told: str
    model: Rehearsed


def champion(aws: Aws, folder: Path) -> Opponent | None:
    """Fetch the newest approved version of the registry; None while nothing is approved."""
    entry = aws.registry.champion()
    if entry is None:
        return None
    folder.mkdir(parents=True)
    archive = folder / "model.tar.gz"
    aws.storage.download(entry.model_data, archive, sha256=entry.model_sha256)
    return Opponent(
        name=f"champion v{entry.version}",
        told=(
            f"Compared with the registry's champion: version {entry.version}, the newest approved one, "
            f"registered from commit `{entry.commit[:12]}`."
        ),
        model=_rehearsed(entry, artifact.unpack(archive, folder / "model")),
    )


def base(model: Rehearsed, *, commit: str, because: str) -> Opponent:
    """Name the model of the base commit; `because` says why there is no champion."""
    told = f"Compared with the model of the base commit `{commit[:12]}`, trained here, because {because}."
    return Opponent(name="base", told=told, model=model)


def _rehearsed(entry: RegisteredModel, folder: Path) -> Rehearsed:
    metrics = json.loads((folder / "metrics.json").read_text(encoding="utf-8"))
    inputs = {name.removeprefix(_INPUT): text for name, text in entry.metadata.items() if name.startswith(_INPUT)}
    return Rehearsed(
        folder=folder, mark=Fingerprint(inputs=inputs), metrics=metrics, rows=sum(metrics["rows"].values())
    )
