"""tune: try hyperparameters on managed compute, and propose the best; a commit of them decides, not this."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.aws.training import TrainingRequest, attempt_name
from sagemaker_gitops.aws.tuning import Bounds, Trial, TuningJob, TuningRequest
from sagemaker_gitops.build import fingerprint, recipe
from sagemaker_gitops.build.fingerprint import Fingerprint
from sagemaker_gitops.errors import TuningFailed
from sagemaker_gitops.project import hyperparameters
from sagemaker_gitops.project import tuning as config
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.project.tuning import Range, Search
from sagemaker_gitops.stages.result import StageResult

PROPOSAL = Path("reports/tuning/hyperparameters.json")
_SHOWN = 10


@dataclass(frozen=True, kw_only=True)
class Options:
    """How many trials instead of the file's, whether the checkout's file is rewritten, and who is told."""

    progress: Callable[[str], None]
    jobs: int | None = None
    write: bool = False


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Search once, whoever asks for the same search again, and write the proposal."""
    values = hyperparameters.read(settings.root)
    search = config.read(settings.root, values)
    if options.jobs:
        search = search.model_copy(update={"jobs": options.jobs})
    mark = fingerprint.compute(settings.root)
    static = {name: value for name, value in values.items() if name not in search.ranges}
    job, known = _searched(settings, aws, mark, _request(settings, aws, mark, search, static), options)
    if job.best is None or job.status == "Failed":
        raise TuningFailed(
            f"tuning job {job.name} ended as {job.status}: {job.failure or 'no trial printed the metric'}",
            where=f"log group /aws/sagemaker/TrainingJobs, streams {job.name}-…",
            next_step=f"correct {config.PATH} or model/train; the next run starts a new search",
        )
    target = hyperparameters.PATH if options.write else PROPOSAL
    hyperparameters.write(settings.root / target, {**values, **job.best.tuned})
    trials = [trial for trial in aws.tuning.trials(job.name) if trial.value is not None]
    told = _told(search, job.best, trials, known=known)
    return StageResult(
        summary=f"{told}\n\n`{target}` holds the best. Commit it as `{hyperparameters.PATH}`: train and test decide.",
        outputs={
            "tuning_job": job.name,
            "best_training_job": job.best.name,
            "best_value": f"{job.best.value}",
            "trials": str(len(trials)),
            "proposal": target.as_posix(),
            "cached": str(known).lower(),
        },
    )


def _searched(
    settings: Settings, aws: Aws, mark: Fingerprint, request: TuningRequest, options: Options
) -> tuple[TuningJob, bool]:
    """Find the search, or make it: a failed one is never reused."""
    base, attempt = request.training.name, 1
    while (job := aws.tuning.find(name := attempt_name(base, attempt))) and job.ended and job.status != "Completed":
        attempt += 1
    if job and job.ended:
        return job, True
    if job is None:
        recipe.upload_data(settings, aws, mark)
        aws.tuning.start(replace(request, training=replace(request.training, name=name)))
    return aws.tuning.wait(name, options.progress), job is not None


def _request(
    settings: Settings, aws: Aws, mark: Fingerprint, search: Search, static: Mapping[str, str]
) -> TuningRequest:
    tag = fingerprint.image_tag(settings.root, "train")
    aws.images.require(settings.image_repository("train"), tag)
    compute = settings.training
    training = TrainingRequest(
        name=settings.tuning_job_name(_identity(mark, search, static)),
        image_uri=settings.image_uri("train", tag),
        role_arn=settings.training_role_arn,
        data_uri=recipe.data_prefix(settings, mark.inputs["data"]),
        parent_uri=None,
        output_uri=f"s3://{settings.artifact_bucket}/models/tuning",
        output_key=settings.registry_key,
        hyperparameters=static,
        environment={},
        metrics=(search.metric,),
        tags={"project": settings.project},
        instance_type=compute.instance_type,
        instance_count=compute.instance_count,
        volume_gb=compute.volume_gb,
        max_runtime_seconds=compute.max_runtime_seconds,
        max_wait_seconds=compute.spot.max_wait_seconds if compute.spot else None,
    )
    return TuningRequest(
        training=training,
        ranges={name: _range(item) for name, item in search.ranges.items()},
        metric=search.metric,
        objective=search.objective,
        strategy=search.strategy,
        seed=search.seed,
        jobs=search.jobs,
        parallel=search.parallel,
    )


def _range(item: Range) -> Bounds | tuple[str, ...]:
    if item.values:
        return item.values
    low, high = item.bounds()
    return Bounds(minimum=low, maximum=high, integer=item.integer, scale=item.scale)


def _identity(mark: Fingerprint, search: Search, static: Mapping[str, str]) -> str:
    """Hash all that a search's outcome follows from: not the values that it is to find."""
    inputs = {name: value for name, value in mark.inputs.items() if name != "hyperparameters"}
    text = json.dumps([inputs, dict(static), config.identity(search)], sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()


def _told(search: Search, best: Trial, trials: Sequence[Trial], *, known: bool) -> str:
    ranked = sorted(trials, key=lambda trial: trial.value or 0.0, reverse=search.objective == "Maximize")
    names = list(search.ranges)
    rows = [f"| {trial.value:.6g} | {' | '.join(trial.tuned[name] for name in names)} |" for trial in ranked[:_SHOWN]]
    how = "The search was made before; no training job was started." if known else f"{len(trials)} trials."
    head = [f"### tune\n{how} Best: {search.metric} {best.value:.6g} (job `{best.name}`).", ""]
    return "\n".join([*head, f"| {search.metric} | {' | '.join(names)} |", "|---" * (len(names) + 1) + "|", *rows])
