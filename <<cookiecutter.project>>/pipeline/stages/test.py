"""test: hold the trained model against every mark; a missed mark stops the pipeline here."""

from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline import artifact, fingerprint, gates
from pipeline.aws.services import Aws
from pipeline.aws.training import TrainingJob
from pipeline.errors import ModelMissing
from pipeline.result import StageResult
from pipeline.settings import Settings

# Latency is a property of an endpoint, so its gate runs after a deploy.
_AFTER_DEPLOY = frozenset({"test_latency.py"})


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which model: a fingerprint that train returned, or this checkout's."""

    fingerprint: str | None = None


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Judge the model, keep the verdict where register looks for it, and refuse a model that fails."""
    digest = fingerprint.require(settings.root, options.fingerprint).digest
    job = _trained(settings, aws, digest)
    sha256 = aws.storage.sha256(job.model_data)
    image_tag = fingerprint.image_tag(settings.root, "inference")
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = {
            "MODEL_DIR": str(_fetch(aws, job.model_data, sha256, folder / "candidate")),
            "DATA_DIR": str(settings.root / "data"),
            **_champion(aws, digest, folder / "champion"),
        }
        verdict = gates.run(settings.root, _files(settings.root), environment)
    uri = settings.gate_report_uri(digest, image_tag)
    facts = {"fingerprint": digest, "image_tag": image_tag, "training_job": job.name}
    aws.storage.put(uri, verdict.as_json(**facts, model_data=job.model_data, model_sha256=sha256))
    if not verdict.passed:
        raise gates.refusal(verdict)
    return StageResult(
        summary=verdict.as_markdown(),
        outputs={"fingerprint": digest, "model_sha256": sha256, "gate_report": uri},
    )


def _trained(settings: Settings, aws: Aws, digest: str) -> TrainingJob:
    for job in reversed(aws.training.attempts(settings.training_job_name(digest))):
        if job.status == "Completed":
            return job
    raise ModelMissing(
        f"no model was trained for fingerprint {digest[:12]}",
        where=f"training job {settings.training_job_name(digest)}",
        next_step=f"run `python -m pipeline train --env {settings.env}` on this commit",
    )


def _fetch(aws: Aws, uri: str, sha256: str, folder: Path) -> Path:
    folder.mkdir(parents=True)
    archive = folder.with_suffix(".tar.gz")
    aws.storage.download(uri, archive, sha256=sha256)
    return artifact.unpack(archive, folder)


def _champion(aws: Aws, digest: str, folder: Path) -> dict[str, str]:
    for model in aws.registry.newest():
        if model.approved and model.fingerprint != digest:
            return {"CHAMPION_DIR": str(_fetch(aws, model.model_data, model.model_sha256, folder))}
    return {}


def _files(root: Path) -> list[Path]:
    found = sorted((root / "model" / "tests").glob("test_*.py"))
    return [path for path in found if path.name not in _AFTER_DEPLOY]
