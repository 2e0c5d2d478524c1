"""Trained models by fingerprint: recorded once, verified before every use.

The training job's name follows from the fingerprint, so AWS lets one build of it win. The record beside the
artefact keeps the sha256 of its first sight; whoever exchanges the artefact later is found out.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.aws.training import TrainingJob
from sagemaker_gitops.build import artifact
from sagemaker_gitops.build.fingerprint import Fingerprint
from sagemaker_gitops.errors import ArtifactCorrupt, ModelMissing
from sagemaker_gitops.project.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A model in the cache, whose bytes are those of its record."""

    job: TrainingJob
    sha256: str
    file_sha256: str

    @property
    def model_data(self) -> str:
        """Where its artefact is."""
        return self.job.model_data


def find(settings: Settings, aws: Aws, mark: Fingerprint, jobs: Sequence[TrainingJob]) -> Trained | None:
    """Return the newest of a fingerprint's jobs whose artefact is still there, verified."""
    for job in chain(reversed(jobs), _orchestrated(settings, aws, mark, jobs)):
        if job.status == "Completed" and aws.storage.exists(job.model_data):
            return recorded(settings, aws, mark, job)
    return None


def require(settings: Settings, aws: Aws, mark: Fingerprint) -> Trained:
    """Return the model of a fingerprint; ModelMissing when it was never trained or is gone."""
    base = settings.training_job_name(mark.digest)
    if trained := find(settings, aws, mark, aws.training.attempts(base)):
        return trained
    raise ModelMissing(
        f"no model was trained for fingerprint {mark.digest[:12]}",
        where=f"training job {base}",
        next_step=f"run `pipeline train --env {settings.env}` on this commit",
    )


def adopt(settings: Settings, aws: Aws, mark: Fingerprint, job: TrainingJob) -> Trained:
    """Remember a fingerprint's job that bears another name, since SageMaker Pipelines started it."""
    uri = settings.adopted_uri(mark.digest)
    aws.storage.put(uri, json.dumps({"training_job": job.name}).encode())
    return recorded(settings, aws, mark, job)


def recorded(settings: Settings, aws: Aws, mark: Fingerprint, job: TrainingJob) -> Trained:
    """Record a finished job's artefact, or verify it against the record of its first sight."""
    uri = settings.record_uri(job.name)
    if content := aws.storage.get(uri):
        record = json.loads(content)
        _verify(aws, job, record["model_sha256"])
    else:
        record = json.loads(aws.storage.write_once(uri, _first_sight(aws, mark, job)))
    return Trained(job=job, sha256=record["model_sha256"], file_sha256=record["model_file_sha256"])


def fetch(aws: Aws, uri: str, sha256: str, folder: Path) -> Path:
    """Download a model that must have this hash, and unpack it into a new folder."""
    folder.mkdir(parents=True)
    archive = folder.with_suffix(".tar.gz")
    aws.storage.download(uri, archive, sha256=sha256)
    return artifact.unpack(archive, folder)


def record_of(settings: Settings, aws: Aws, job: str) -> Mapping[str, Any]:
    """Read what was recorded of a job; empty when nothing was."""
    content = aws.storage.get(settings.record_uri(job))
    record: Mapping[str, Any] = json.loads(content) if content else {}
    return record


def _orchestrated(
    settings: Settings, aws: Aws, mark: Fingerprint, jobs: Sequence[TrainingJob]
) -> Iterator[TrainingJob]:
    # A job of our own that runs now is waited for.
    content = None if jobs and not jobs[-1].ended else aws.storage.get(settings.adopted_uri(mark.digest))
    job = aws.training.find(json.loads(content)["training_job"]) if content else None
    if job is not None:
        yield job


def _first_sight(aws: Aws, mark: Fingerprint, job: TrainingJob) -> bytes:
    sha256 = aws.storage.sha256(job.model_data)
    with TemporaryDirectory() as scratch:
        archive = Path(scratch) / "model.tar.gz"
        aws.storage.download(job.model_data, archive, sha256=sha256)
        model = artifact.unpack(archive, Path(scratch) / "model")
        manifest = json.loads((model / "manifest.json").read_text())["files"]
    record = {
        "fingerprint": mark.digest,
        "training_job": job.name,
        "model_data": job.model_data,
        "model_sha256": sha256,
        "model_file_sha256": _learnt(manifest),
        "inputs": dict(mark.inputs),
        "files": {name: dict(files) for name, files in mark.files.items()},
    }
    return json.dumps(record, indent=1, sort_keys=True).encode()


def _learnt(manifest: Mapping[str, str]) -> str:
    """Identify what was learnt by its file, or its files: all but the JSON documents about it."""
    files = {name: sha256 for name, sha256 in sorted(manifest.items()) if not name.endswith(".json")}
    if len(files) == 1:
        return next(iter(files.values()))
    return hashlib.sha256(json.dumps(files).encode()).hexdigest()


def _verify(aws: Aws, job: TrainingJob, sha256: str) -> None:
    actual = aws.storage.sha256(job.model_data)
    if actual != sha256:
        raise ArtifactCorrupt(
            f"the artefact's sha256 is {actual}, but {sha256} was recorded when it was first seen",
            where=job.model_data,
            next_step="find out who changed it; restore its first version, or delete it and train again",
        )
