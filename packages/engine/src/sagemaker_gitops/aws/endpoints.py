"""Models, and the endpoints that run them."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar

import botocore.exceptions

from sagemaker_gitops.aws.endpoint_shapes import (
    Endpoint,
    EndpointConfig,
    Guardrail,
    config_request,
    deployment_request,
    endpoint_of,
)
from sagemaker_gitops.aws.scaling import Scaling
from sagemaker_gitops.aws.session import aws_errors, create_once, found, is_missing

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import ContainerDefinitionTypeDef, DescribeEndpointConfigOutputTypeDef

Result = TypeVar("Result")

# A model or configuration that was just created may still be unknown to the next call.
_PATIENCE_LOOKS = 10


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


class Endpoints:
    """The endpoints of one account, and the bucket that their traffic is captured in."""

    def __init__(
        self,
        client: "SageMakerClient",
        scaling: Scaling,
        *,
        capture_bucket: str,
        capture_key: str,
        poll_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._scaling = scaling
        self._capture_uri, self._capture_key = f"s3://{capture_bucket}", capture_key
        self._poll_seconds = poll_seconds
        self._sleep = sleep
        # Configurations never change, so each is read once.
        self._configs: dict[str, DescribeEndpointConfigOutputTypeDef | None] = {}

    @aws_errors()
    def describe(self, endpoint: str) -> Endpoint | None:
        """Look at an endpoint; None when there is none."""
        try:
            seen = self._client.describe_endpoint(EndpointName=endpoint)
        except botocore.exceptions.ClientError as err:
            if is_missing(err):
                return None
            raise
        return endpoint_of(seen, self._config(seen.get("EndpointConfigName", "")))

    @aws_errors()
    def tags(self, endpoint: str) -> dict[str, str]:
        """Read what is written on an endpoint."""
        arn = self._client.describe_endpoint(EndpointName=endpoint)["EndpointArn"]
        pages = self._client.get_paginator("list_tags").paginate(ResourceArn=arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    @aws_errors()
    def create(self, endpoint: str, config: EndpointConfig) -> None:
        """Bring up an endpoint."""
        name = self._ensure_config(endpoint, config)
        self._known(lambda: self._client.create_endpoint(EndpointName=endpoint, EndpointConfigName=name))

    @aws_errors()
    def update(self, endpoint: str, config: EndpointConfig, guardrail: Guardrail | None) -> None:
        """Replace an endpoint's fleet; the present one serves until the new one is up."""
        name = self._ensure_config(endpoint, config)
        self._stop_scaling(endpoint, config)
        if guardrail is None:
            self._known(lambda: self._client.update_endpoint(EndpointName=endpoint, EndpointConfigName=name))
            return
        self._known(
            lambda: self._client.update_endpoint(
                EndpointName=endpoint, EndpointConfigName=name, DeploymentConfig=deployment_request(guardrail)
            )
        )

    @aws_errors()
    def shift(self, endpoint: str, weights: Mapping[str, int]) -> None:
        """Split traffic between variants; their instances stay as they are."""
        self._client.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[
                {"VariantName": name, "DesiredWeight": float(weight)} for name, weight in weights.items()
            ],
        )

    @aws_errors()
    def resize(self, endpoint: str, variant: str, count: int) -> None:
        """Set the number of instances of one variant; all traffic stays as it is."""
        self._client.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[{"VariantName": variant, "DesiredInstanceCount": count}],
        )

    @aws_errors()
    def delete(self, endpoint: str) -> None:
        """Delete an endpoint; its models and configurations stay."""
        self._client.delete_endpoint(EndpointName=endpoint)

    @aws_errors()
    def tag(self, endpoint: str, tags: Mapping[str, str]) -> None:
        """Write down on an endpoint what it serves."""
        arn = self._client.describe_endpoint(EndpointName=endpoint)["EndpointArn"]
        self._client.add_tags(
            ResourceArn=arn, Tags=[{"Key": key, "Value": value} for key, value in tags.items() if value]
        )

    def _stop_scaling(self, endpoint: str, config: EndpointConfig) -> None:
        """Stop scaling what the update removes or moves to other instances: AWS refuses it otherwise."""
        seen = self.describe(endpoint)
        types = {item.name: item.instance_type for item in seen.production} if seen else {}
        kept = {item.name for item in config.production if types.get(item.name) == item.instance_type}
        for variant in self._scaling.of(endpoint).keys() - kept:
            self._scaling.remove(endpoint, variant)

    def _config(self, name: str) -> "DescribeEndpointConfigOutputTypeDef | None":
        if name not in self._configs:
            try:
                self._configs[name] = self._client.describe_endpoint_config(EndpointConfigName=name)
            except botocore.exceptions.ClientError as err:
                if not is_missing(err):
                    raise
                # Somebody deleted it: what serves is then unknown, and nothing here may assume it.
                return None
        return self._configs[name]

    def _ensure_config(self, endpoint: str, config: EndpointConfig) -> str:
        name = config.name(endpoint)
        if not found(lambda: self._client.describe_endpoint_config(EndpointConfigName=name)):
            request = config_request(name, config, capture_uri=self._capture_uri, capture_key=self._capture_key)
            create_once(lambda: self._known(lambda: self._client.create_endpoint_config(**request)))
        return name

    def _known(self, call: Callable[[], Result]) -> Result:
        for _ in range(_PATIENCE_LOOKS):
            try:
                return call()
            except botocore.exceptions.ClientError as err:
                if not is_missing(err):
                    raise
                self._sleep(self._poll_seconds)
        return call()


def _definition(container: Container) -> "ContainerDefinitionTypeDef":
    environment = dict(container.environment)
    if container.package:
        return {"ModelPackageName": container.package, "Environment": environment}
    return {"Image": container.image, "ModelDataUrl": container.model_data, "Environment": environment}
