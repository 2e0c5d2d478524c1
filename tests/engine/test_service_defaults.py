"""What SageMaker does where a request says nothing: each such default is wanted, or a value is given."""

import html
import re
from collections.abc import Iterator

from botocore.model import ListShape, MapShape, Shape, StructureShape
from sagemaker_gitops.aws.endpoint_shapes import EndpointConfig, VariantConfig, config_request
from sagemaker_gitops.aws.training import TrainingRequest, as_request
from sagemaker_gitops.local.server.model import service

CALLS = (
    *("CreateEndpoint", "CreateEndpointConfig", "CreateFeatureGroup", "CreateHyperParameterTuningJob", "CreateModel"),
    *("CreateModelPackage", "CreatePipeline", "CreateProcessingJob", "CreateTrainingJob", "StartPipelineExecution"),
    *("UpdateEndpoint", "UpdateEndpointWeightsAndCapacities", "UpdateModelPackage", "UpdatePipeline"),
    *("CreateDataQualityJobDefinition", "CreateMonitoringSchedule"),
)
"""The operations of the engine that make or change something."""

SILENCE = re.compile(
    r"[^.]*\bif (?:you (?:don't|do not) (?:provide|specify|include|set)|(?:not|no \w+ is) (?:provided|specified)"
    r"|this (?:parameter|value) is not (?:provided|specified))[^.]*",
    re.IGNORECASE,
)
PASSED = {
    "CreateTrainingJob OutputDataConfig.KmsKeyId": "another account could not use the key that SageMaker takes",
    "CreateHyperParameterTuningJob TrainingJobDefinition.OutputDataConfig.KmsKeyId": "as of one training job",
}
"""Defaults that the engine does not want."""

WANTED = {
    "CreateTrainingJob AlgorithmSpecification.AlgorithmName": "an image is given",
    "CreateTrainingJob InputDataConfig.InputMode": "TrainingInputMode is given",
    "CreateHyperParameterTuningJob TrainingJobDefinition.InputDataConfig.InputMode": "TrainingInputMode is given",
    "UpdateEndpoint ExcludeRetainedVariantProperties": "RetainAllVariantProperties is not asked for",
    "CreateModel PrimaryContainer.ContainerHostname": "a model of one container",
    "CreateFeatureGroup OfflineStoreConfig.DataCatalogConfig": "DisableGlueTableCreation is set",
}
"""Defaults that are right, and why."""

UNUSED = (
    *("ExperimentConfig", "ServerlessJobConfig", "CoreDumpConfig", "AsyncInferenceConfig", "ExplainerConfig"),
    *("MetricsConfig", "CrossRegionTrafficConfig", "ContainerMetricsConfig", "ValidationSpecification"),
    *("Containers", "PipelineDefinitionS3Location", "TrainingJobDefinitions"),
)
"""Members that the engine does not send at all."""


def silent(shape: Shape, path: str = "", above: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield every member whose documentation tells what happens without it."""
    if isinstance(shape, ListShape):
        yield from silent(shape.member, path, above)
    elif isinstance(shape, MapShape):
        yield from silent(shape.value, path, above)
    elif isinstance(shape, StructureShape) and shape.name not in above:
        for name, member in shape.members.items():
            text = re.sub(r"<[^>]+>", "", html.unescape(member.documentation or ""))
            if SILENCE.search(re.sub(r"\s+", " ", text)):
                yield f"{path}{name}"
            yield from silent(member, f"{path}{name}.", above | {shape.name})


def found() -> set[str]:
    """Name every default of the engine's calls, by operation and member."""
    model = service("sagemaker")
    inputs = {name: model.operation_model(name).input_shape for name in CALLS}
    every = {f"{name} {path}" for name, shape in inputs.items() if shape for path in silent(shape)}
    return {item for item in every if not any(part in re.split(r"[ .]", item) for part in UNUSED)}


def test_every_default_was_looked_at() -> None:
    """A default that a later model brings, or one that is gone, shows here."""
    assert found() == PASSED.keys() | WANTED.keys()


def test_captures_are_encrypted_with_the_key_that_was_given() -> None:
    """The model does not say what SageMaker does without one, so there is one."""
    variant = VariantConfig(name="v1", model="m", fingerprint="f", weight=1, instances=1, instance_type="ml.m6i.large")
    config = EndpointConfig(production=(variant,), shadow=(), capture_percent=100)

    request = config_request("c", config, capture_uri="s3://captures", capture_key="alias/loans-dev")

    assert request["DataCaptureConfig"]["KmsKeyId"] == "alias/loans-dev"


def test_models_are_encrypted_with_the_key_that_every_account_may_use() -> None:
    """Training and tuning share the request."""
    wanted = TrainingRequest(
        name="job",
        image_uri="image",
        role_arn="role",
        data_uri="s3://data",
        parent_uri=None,
        output_uri="s3://models",
        output_key="alias/loans-shared",
        hyperparameters={},
        environment={},
        metrics=(),
        tags={},
        instance_type="ml.m6i.large",
        instance_count=1,
        volume_gb=1,
        max_runtime_seconds=60,
    )

    assert as_request(wanted)["OutputDataConfig"]["KmsKeyId"] == "alias/loans-shared"
