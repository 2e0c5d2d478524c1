"""The training job that a recipe asks for, whoever starts it."""

from pathlib import Path
from tempfile import TemporaryDirectory

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.aws.training import TrainingRequest, as_request
from sagemaker_gitops.build import fingerprint, recipe
from sagemaker_gitops.build import sdk_launcher as launcher
from sagemaker_gitops.build.recipe import Recipe
from sagemaker_gitops.errors import TrainingFailed
from sagemaker_gitops.project import hyperparameters
from sagemaker_gitops.project.documents import read_document
from sagemaker_gitops.project.settings import Settings

# SageMaker reads so many metrics from a job's log.
_MOST_METRICS = 40


def request(settings: Settings, aws: Aws, wanted: Recipe, *, name: str) -> TrainingRequest:
    """Put the request together; image and data are there when it returns."""
    tag = fingerprint.image_tag(settings.root, "train")
    aws.images.require(settings.image_repository("train"), tag)
    lineage, compute = wanted.lineage, settings.training
    return TrainingRequest(
        name=name,
        image_uri=settings.image_uri("train", tag),
        role_arn=settings.training_role_arn,
        data_uri=_data(settings, aws, wanted),
        parent_uri=wanted.parent.model_data if wanted.parent else None,
        output_uri=f"s3://{settings.artifact_bucket}/models",
        output_key=settings.registry_key,
        hyperparameters=hyperparameters.read(settings.root),
        environment={key.upper().replace("MODEL_", ""): value for key, value in lineage.items()},
        metrics=_metrics(settings.root),
        tags={"project": settings.project, "fingerprint": wanted.mark.digest, **lineage},
        instance_type=compute.instance_type,
        instance_count=compute.instance_count,
        volume_gb=compute.volume_gb,
        max_runtime_seconds=compute.max_runtime_seconds,
        max_wait_seconds=compute.spot.max_wait_seconds if compute.spot else None,
        # By fingerprint, so that a job in the place of one that waited too long goes on where that one was.
        checkpoint_uri=settings.checkpoint_uri(wanted.mark.digest) if compute.spot else None,
    )


def start(settings: Settings, aws: Aws, asked: TrainingRequest) -> None:
    """Start the job, by whom the environment says; whoever does, it is the job that was asked for."""
    if settings.training.launcher == "boto3":
        aws.training.start(asked)
        return
    document = as_request(asked)
    launcher.start(settings.root, document, aws.surroundings())
    if wrong := launcher.differences(document, aws.training.described(asked.name)):
        aws.training.stop(asked.name)
        raise TrainingFailed(
            f"the SageMaker SDK started another job than was asked for, so it was stopped: {'; '.join(wrong)}",
            where=f"training job {asked.name}",
            next_step='take "launcher": "boto3" in infra/config; the next run starts a new job',
        )


def _data(settings: Settings, aws: Aws, wanted: Recipe) -> str:
    version = wanted.mark.inputs["data"]
    if "data" in wanted.mark.files:
        return recipe.upload_data(settings, aws, wanted.mark)
    # An upload that was killed half-way left a prefix, but not the version that it names.
    with TemporaryDirectory() as scratch:
        recipe.data_folder(settings, aws, version, Path(scratch))
    return recipe.data_prefix(settings, version)


def _metrics(root: Path) -> tuple[str, ...]:
    """Name what train.py prints as `test:name=value;`: each figure that has a threshold of quality."""
    path = root / "model" / "config" / "baseline.json"
    marks = read_document(path) if path.is_file() else {}
    return tuple(f"test:{name}" for name in marks.get("quality", {}))[:_MOST_METRICS]
