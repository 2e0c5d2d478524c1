"""orchestrate: have SageMaker Pipelines train, test and register by itself, and take over what it trained."""

import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from sagemaker_gitops.aws.orchestration import Execution
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.aws.training import as_request
from sagemaker_gitops.build import cache, fingerprint, recipe, training
from sagemaker_gitops.build import orchestration as definition
from sagemaker_gitops.build import orchestration_thresholds as marks
from sagemaker_gitops.build.recipe import Choice, Recipe
from sagemaker_gitops.errors import ConfigurationError, GateFailed, TrainingFailed
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages.result import StageResult

RENDERED = Path("reports/orchestration/definition.json")
# A version of SageMaker's own registration is a candidate: `register` alone says that all gates were passed.
_JUDGED = "thresholds of the training job alone"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which model and commit, whether it is only shown, and who is told what is going on."""

    progress: Callable[[str], None]
    choice: Choice
    commit: str
    dry_run: bool = False


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Put the pipeline as this checkout wants it, and carry it out once."""
    wanted = recipe.resolve(settings, aws, options.choice)
    text = _definition(settings, aws, wanted, options.commit)
    target = settings.root / RENDERED
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(json.dumps(json.loads(text), indent=1) + "\n")
    outputs = {"fingerprint": wanted.mark.digest, "definition": RENDERED.as_posix(), "pipeline": settings.project}
    if options.dry_run:
        told = f"### orchestrate\nNothing was started; the definition is `{RENDERED}`."
        return StageResult(summary=told, outputs=outputs)
    if not settings.environment_file.orchestration:
        raise ConfigurationError(
            "no role may run SageMaker Pipelines here",
            where=f"infra/config/{settings.env}.json",
            next_step='set "orchestration": true in infra/config/dev.json, then run `bootstrap aws --env dev`',
        )
    tags = {"project": settings.project}
    aws.orchestration.put(settings.project, text, role_arn=settings.orchestration_role_arn, tags=tags)
    arn = aws.orchestration.start(settings.project, {"Commit": options.commit})
    execution = aws.orchestration.wait(arn, options.progress)
    job = _adopted(settings, aws, wanted, execution)
    if execution.status != "Succeeded":
        raise _refusal(execution)
    registered = execution.step(definition.REGISTER)
    outputs |= {"execution": arn, "training_job": job, "model_package_arn": registered.made if registered else ""}
    return StageResult(summary=_told(execution), outputs=outputs)


def _definition(settings: Settings, aws: Aws, wanted: Recipe, commit: str) -> str:
    request = training.request(settings, aws, wanted, name=settings.training_job_name(wanted.mark.digest))
    limits = marks.read(settings.root, request.metrics)
    printed = tuple(dict.fromkeys((*request.metrics, *(limit.metric for limit in limits))))
    tag = fingerprint.image_tag(settings.root, "inference")
    aws.images.require(settings.image_repository("inference"), tag)
    types = ["application/json", "text/csv"]
    image = settings.image_uri("inference", tag)
    package = {
        "ModelPackageGroupName": settings.model_group,
        "ModelPackageDescription": f"orchestrated {wanted.mark.digest} in {image.rsplit('/', 1)[-1]}",
        "ModelApprovalStatus": "PendingManualApproval",
        "CustomerMetadataProperties": {
            "fingerprint": wanted.mark.digest,
            "data_version": wanted.mark.inputs["data"],
            **{f"input_{name}": value for name, value in wanted.mark.inputs.items()},
            "gates": _JUDGED,
        },
        "InferenceSpecification": {
            "Containers": [
                {
                    "Image": image,
                    "Environment": {"MODEL_FINGERPRINT": wanted.mark.digest},
                }
            ],
            "SupportedContentTypes": types,
            "SupportedResponseMIMETypes": types,
        },
    }
    return definition.render(
        training=as_request(replace(request, metrics=printed)), package=package, limits=limits, commit=commit
    )


def _adopted(settings: Settings, aws: Aws, wanted: Recipe, execution: Execution) -> str:
    """Let train, test and register find the job: its name is of SageMaker's making."""
    step = execution.step(definition.TRAIN)
    if step is None or step.status != "Succeeded":
        return ""
    job = aws.training.find(step.made.rsplit("/", 1)[-1])
    if job is None or job.status != "Completed":
        return ""
    cache.adopt(settings, aws, wanted.mark, job)
    return job.name


def _refusal(execution: Execution) -> GateFailed | TrainingFailed:
    step = execution.failed
    if step and step.name == definition.REFUSE:
        return GateFailed(
            step.failure or step.made,
            where=f"{execution.arn}, step {step.name}",
            next_step="improve the model; whoever lowers a threshold instead must get the change reviewed",
        )
    told = f"step {step.name}: {step.failure}" if step else execution.failure or "no reason was given"
    return TrainingFailed(
        f"the pipeline execution ended as {execution.status}: {told}",
        where=execution.arn,
        next_step="read the step in SageMaker Studio; the next run finds the steps that succeeded",
    )


def _told(execution: Execution) -> str:
    rows = [
        f"| {step.name} | {'found, not run again' if step.cached else step.status} | `{step.made.rsplit(':', 1)[-1]}` |"
        for step in execution.steps
    ]
    head = f"### orchestrate\nExecution `{execution.arn.rsplit('/', 1)[-1]}` succeeded."
    after = "`test` and `register` judge the model by every gate, and train nothing: only then can it be deployed."
    return "\n".join([head, "", "| step | | made |", "|---|---|---|", *rows, "", after])
