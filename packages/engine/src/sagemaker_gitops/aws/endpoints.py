"""Endpoints: fleets and their traffic."""

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, TypeVar

import botocore.exceptions

from sagemaker_gitops.aws.deployment import GuardRequest, deployment_config
from sagemaker_gitops.aws.endpoint_shapes import Endpoint, LayoutRequest, config_request, endpoint_view
from sagemaker_gitops.aws.once import create_once, found
from sagemaker_gitops.aws.scaling import Scaling
from sagemaker_gitops.aws.session import aws_errors, is_missing

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import DescribeEndpointConfigOutputTypeDef

Result = TypeVar("Result")

# A model or configuration that was just created may still be unknown to the next call.
_PATIENCE_LOOKS = 10


class Endpoints:
    """The endpoints of one account, and the bucket that their traffic is captured in."""

    def __init__(
        self,
        client: "SageMakerClient",
        scaling: Scaling,
        *,
        capture_bucket: str,
        poll_seconds: float,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client = client
        self._scaling = scaling
        self._capture_uri = f"s3://{capture_bucket}"
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
        return endpoint_view(seen, self._config(seen.get("EndpointConfigName", "")))

    @aws_errors()
    def tags(self, endpoint: str) -> dict[str, str]:
        """Read what is written on an endpoint."""
        arn = self._client.describe_endpoint(EndpointName=endpoint)["EndpointArn"]
        pages = self._client.get_paginator("list_tags").paginate(ResourceArn=arn)
        return {tag["Key"]: tag["Value"] for page in pages for tag in page["Tags"]}

    @aws_errors()
    def create(self, endpoint: str, config: str, layout: LayoutRequest) -> None:
        """Bring up an endpoint."""
        self._ensure_config(config, layout)
        self._known(lambda: self._client.create_endpoint(EndpointName=endpoint, EndpointConfigName=config))

    @aws_errors()
    def update(self, endpoint: str, config: str, layout: LayoutRequest, guard: GuardRequest | None) -> None:
        """Replace an endpoint's fleet; the present one serves until the new one is up."""
        self._ensure_config(config, layout)
        self._let_go(endpoint, layout)
        if guard is None:
            self._known(lambda: self._client.update_endpoint(EndpointName=endpoint, EndpointConfigName=config))
            return
        self._known(
            lambda: self._client.update_endpoint(
                EndpointName=endpoint, EndpointConfigName=config, DeploymentConfig=deployment_config(guard)
            )
        )

    @aws_errors()
    def shift(self, endpoint: str, weights: Mapping[str, int]) -> None:
        """Split traffic between variants; their machines stay as they are."""
        self._client.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[
                {"VariantName": name, "DesiredWeight": float(weight)} for name, weight in weights.items()
            ],
        )

    @aws_errors()
    def resize(self, endpoint: str, counts: Mapping[str, int]) -> None:
        """Set the number of instances of variants; their traffic stays as it is."""
        self._client.update_endpoint_weights_and_capacities(
            EndpointName=endpoint,
            DesiredWeightsAndCapacities=[
                {"VariantName": name, "DesiredInstanceCount": count} for name, count in counts.items()
            ],
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

    def _let_go(self, endpoint: str, layout: LayoutRequest) -> None:
        """Stop scaling what the update removes or moves to other machines: AWS refuses it otherwise."""
        seen = self.describe(endpoint)
        machines = {item.name: item.instance_type for item in seen.production} if seen else {}
        kept = {item.name for item in layout.production if machines.get(item.name) == item.instance_type}
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

    def _ensure_config(self, name: str, layout: LayoutRequest) -> None:
        if found(lambda: self._client.describe_endpoint_config(EndpointConfigName=name)):
            return
        request = config_request(name, layout, capture_uri=self._capture_uri)
        create_once(lambda: self._known(lambda: self._client.create_endpoint_config(**request)))

    def _known(self, call: Callable[[], Result]) -> Result:
        for _ in range(_PATIENCE_LOOKS):
            try:
                return call()
            except botocore.exceptions.ClientError as err:
                if not is_missing(err):
                    raise
                self._sleep(self._poll_seconds)
        return call()
