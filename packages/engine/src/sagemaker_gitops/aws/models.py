"""Models: an image and an artefact under the name that tells which release they are."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from sagemaker_gitops.aws.once import create_once, found
from sagemaker_gitops.aws.session import aws_errors

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import ContainerDefinitionTypeDef


@dataclass(frozen=True, kw_only=True)
class Container:
    """What a model runs; a `package` stands for image and artefact, and AWS refuses one that is not approved."""

    environment: Mapping[str, str]
    image: str = ""
    model_data: str = ""
    package: str = ""


class Models:
    """SageMaker's Model resources, which are never changed and never deleted here."""

    def __init__(self, client: "SageMakerClient") -> None:
        self._client = client

    @aws_errors()
    def ensure(self, name: str, container: Container, *, role: str) -> None:
        """Create a model unless it exists."""
        if found(lambda: self._client.describe_model(ModelName=name)):
            return
        definition = _definition(container)
        create_once(
            lambda: self._client.create_model(ModelName=name, PrimaryContainer=definition, ExecutionRoleArn=role)
        )


def _definition(container: Container) -> "ContainerDefinitionTypeDef":
    environment = dict(container.environment)
    if container.package:
        return {"ModelPackageName": container.package, "Environment": environment}
    return {"Image": container.image, "ModelDataUrl": container.model_data, "Environment": environment}
