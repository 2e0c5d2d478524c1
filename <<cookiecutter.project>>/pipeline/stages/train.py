"""train: find the model that this commit determines, or run the training job that makes it."""

import json
from collections.abc import Callable
from dataclasses import dataclass

from pipeline import fingerprint
from pipeline.aws.services import Aws
from pipeline.aws.training import TrainingJob, TrainingRequest, attempt_name
from pipeline.errors import ConfigurationError, TrainingFailed
from pipeline.fingerprint import Fingerprint
from pipeline.result import StageResult
from pipeline.settings import Settings

# train.py prints each as `name=value;`.
METRICS = ("test:accuracy", "test:precision", "test:recall", "test:roc_auc")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who is told what is going on."""

    progress: Callable[[str], None]


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Return this commit's model, trained now or long ago."""
    mark = fingerprint.compute(settings.root)
    base = settings.training_job_name(mark.digest)
    jobs = aws.training.attempts(base)
    known = jobs[-1] if jobs and _usable(aws, jobs[-1]) else None
    name = known.name if known else attempt_name(base, len(jobs) + 1)
    if known is None:
        aws.training.start(_request(settings, aws, mark, name=name))
    job = aws.training.wait(name, options.progress)
    if job.status != "Completed":
        raise TrainingFailed(
            f"training job {job.name} ended as {job.status}: {job.failure or 'no reason was given'}",
            where=f"log group /aws/sagemaker/TrainingJobs, streams {job.name}/…",
            next_step="correct model/train or model/config/hyperparameters.json; the next run starts a new job",
        )
    return _result(aws, mark, job, cached=known is not None and known.ended)


def _usable(aws: Aws, job: TrainingJob) -> bool:
    if not job.ended:
        return True
    return job.status == "Completed" and aws.storage.exists(job.model_data)


def _request(settings: Settings, aws: Aws, mark: Fingerprint, *, name: str) -> TrainingRequest:
    tag = fingerprint.image_tag(settings.root, "train")
    aws.images.require(settings.image_repository("train"), tag)
    return TrainingRequest(
        name=name,
        image_uri=settings.image_uri("train", tag),
        role_arn=settings.training_role_arn,
        data_uri=_upload(settings, aws, mark.inputs["data"]),
        output_uri=f"s3://{settings.artifact_bucket}/models",
        hyperparameters=_hyperparameters(settings),
        metrics=METRICS,
        tags={"project": settings.project, "fingerprint": mark.digest},
        instance_type=settings.training.instance_type,
        instance_count=settings.training.instance_count,
        volume_gb=settings.training.volume_gb,
        max_runtime_seconds=settings.training.max_runtime_seconds,
    )


def _upload(settings: Settings, aws: Aws, version: str) -> str:
    prefix = f"s3://{settings.data_bucket}/{version}/"
    for path in fingerprint.data_files(settings.root):
        aws.storage.put_new(prefix + path.name, path)
    return prefix


def _hyperparameters(settings: Settings) -> dict[str, str]:
    path = settings.root / "model" / "config" / "hyperparameters.json"
    try:
        values = json.loads(path.read_text())
    except json.JSONDecodeError as err:
        raise ConfigurationError(f"not valid JSON: {err.msg}", where=f"{path}:{err.lineno}") from err
    wrong = [key for key, value in values.items() if not isinstance(value, str)]
    if wrong:
        raise ConfigurationError(
            f"SageMaker passes hyperparameters as strings, but these are not: {', '.join(sorted(wrong))}",
            where=str(path),
            next_step=f'write "{wrong[0]}": "{values[wrong[0]]}"',
        )
    return dict(values)


def _result(aws: Aws, mark: Fingerprint, job: TrainingJob, *, cached: bool) -> StageResult:
    how = "cache hit: no training job was started" if cached else f"trained in {job.seconds:.0f} s"
    metrics = ", ".join(f"{name.removeprefix('test:')} {value:.4f}" for name, value in sorted(job.metrics.items()))
    return StageResult(
        summary=f"### train\n`{mark.digest[:12]}` {how} (job `{job.name}`). On the test split: {metrics}.",
        outputs={
            "fingerprint": mark.digest,
            "training_job": job.name,
            "model_data": job.model_data,
            "model_sha256": aws.storage.sha256(job.model_data),
            "cached": str(cached).lower(),
        },
    )
