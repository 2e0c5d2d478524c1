"""train: find the model that was asked for, or run the training job that makes it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.aws.training import TrainingJob, attempt_name
from sagemaker_gitops.build import cache, fingerprint, recipe, tracking, training
from sagemaker_gitops.build.cache import Trained
from sagemaker_gitops.build.recipe import Choice, Recipe
from sagemaker_gitops.errors import Annotation, TrainingFailed
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which model, whether to read data again that seems unchanged, and who is told what is going on."""

    progress: Callable[[str], None]
    choice: Choice
    verify: bool = False


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Return the model, trained now or long ago."""
    unseen = fingerprint.read_again(settings.root) if options.verify else ()
    wanted = recipe.resolve(settings, aws, options.choice)
    jobs = aws.training.attempts(settings.training_job_name(wanted.mark.digest))
    known = cache.find(settings, aws, wanted.mark, jobs)
    trained = known or _train(settings, aws, wanted, jobs, options)
    kept = tracking.trained(settings, aws, wanted, trained)
    remarks = (*_unseen(settings.root, unseen), *_not_rebuilt(settings, aws, trained, jobs), *kept.remarks)
    return _result(wanted, trained, cached=known is not None, remarks=remarks)


def _train(settings: Settings, aws: Aws, wanted: Recipe, jobs: tuple[TrainingJob, ...], options: Options) -> Trained:
    name = attempt_name(settings.training_job_name(wanted.mark.digest), len(jobs) + 1)
    if jobs and not jobs[-1].ended:
        name = jobs[-1].name
    else:
        training.start(settings, aws, training.request(settings, aws, wanted, name=name))
    job = aws.training.wait(name, options.progress)
    if job.status != "Completed":
        raise TrainingFailed(
            f"training job {job.name} ended as {job.status}: {job.failure or 'no reason was given'}",
            where=f"log group /aws/sagemaker/TrainingJobs, streams {job.name}/…",
            next_step="correct model/train or model/config/hyperparameters.json; the next run starts a new job",
        )
    return cache.recorded(settings, aws, wanted.mark, job)


def _unseen(root: Path, files: tuple[Path, ...]) -> tuple[Annotation, ...]:
    message = "the content changed, but neither size nor times did; every earlier run took it for unchanged"
    names = [path.relative_to(root).as_posix() for path in files]
    return tuple(Annotation(message=message, file=name, level="warning") for name in names)


def _not_rebuilt(
    settings: Settings, aws: Aws, trained: Trained, jobs: tuple[TrainingJob, ...]
) -> tuple[Annotation, ...]:
    records = {job.name: cache.record_of(settings, aws, job.name) for job in jobs if job.name != trained.job.name}
    other = [
        name
        for name, record in records.items()
        if record.get("model_file_sha256", trained.file_sha256) != trained.file_sha256
    ]
    message = f"job {trained.job.name} made another model than {', '.join(other)} did: training is not reproducible"
    return (Annotation(message=message, file="model/train/train.py", level="warning"),) if other else ()


def _spot(job: TrainingJob) -> str:
    if not job.spot:
        return ""
    return f" on spot capacity, {job.billable_seconds:.0f} s of them billed, {job.interruptions} times interrupted"


def _result(wanted: Recipe, trained: Trained, *, cached: bool, remarks: tuple[Annotation, ...]) -> StageResult:
    job = trained.job
    how = "cache hit: no training job was started" if cached else f"trained in {job.seconds:.0f} s{_spot(job)}"
    told = ", ".join(f"{name.removeprefix('test:')} {value:.4f}" for name, value in sorted(job.metrics.items()))
    metrics = f" Metrics: {told}." if told else ""
    parent = f", continued from version {wanted.parent.version}" if wanted.parent else ""
    return StageResult(
        summary=f"### train\n`{wanted.mark.digest[:12]}` {how} (job `{job.name}`{parent}).{metrics}",
        outputs={
            "fingerprint": wanted.mark.digest,
            "training_job": job.name,
            "model_data": job.model_data,
            "model_sha256": trained.sha256,
            "model_file_sha256": trained.file_sha256,
            "data_version": wanted.mark.inputs["data"],
            "cached": str(cached).lower(),
        },
        annotations=remarks,
    )
