"""Application Auto Scaling: how many instances a variant has, by the requests that each of them serves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import botocore.exceptions

from sagemaker_gitops.aws.session import aws_errors, error_code

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_application_autoscaling.type_defs import ScalingPolicyTypeDef

_SERVICE: Literal["sagemaker"] = "sagemaker"
_DIMENSION: Literal["sagemaker:variant:DesiredInstanceCount"] = "sagemaker:variant:DesiredInstanceCount"
_METRIC: Literal["SageMakerVariantInvocationsPerInstance"] = "SageMakerVariantInvocationsPerInstance"
_POLICY = "invocations-per-instance"


@dataclass(frozen=True, kw_only=True)
class Scale:
    """The bounds in instances, and the requests a minute for each of them; 0 where no policy of ours is."""

    minimum: int
    maximum: int
    invocations_per_instance: float


class Scaling:
    """The scalable targets among an account's variants."""

    def __init__(self, client: "ApplicationAutoScalingClient") -> None:
        self._client = client

    @aws_errors()
    def of(self, endpoint: str) -> dict[str, Scale]:
        """Read how each scaled variant of an endpoint is scaled."""
        pages = self._client.get_paginator("describe_scalable_targets").paginate(
            ServiceNamespace=_SERVICE, ScalableDimension=_DIMENSION
        )
        prefix = _resource(endpoint, "")
        return {
            item["ResourceId"].removeprefix(prefix): Scale(
                minimum=item["MinCapacity"],
                maximum=item["MaxCapacity"],
                invocations_per_instance=self._target(item["ResourceId"]),
            )
            for page in pages
            for item in page["ScalableTargets"]
            if item["ResourceId"].startswith(prefix)
        }

    @aws_errors()
    def put(self, endpoint: str, variant: str, scale: Scale) -> None:
        """Scale a variant between its bounds; once more changes what differs."""
        resource = _resource(endpoint, variant)
        self._client.register_scalable_target(
            ServiceNamespace=_SERVICE,
            ResourceId=resource,
            ScalableDimension=_DIMENSION,
            MinCapacity=scale.minimum,
            MaxCapacity=scale.maximum,
        )
        self._client.put_scaling_policy(
            PolicyName=_POLICY,
            ServiceNamespace=_SERVICE,
            ResourceId=resource,
            ScalableDimension=_DIMENSION,
            PolicyType="TargetTrackingScaling",
            TargetTrackingScalingPolicyConfiguration={
                "TargetValue": float(scale.invocations_per_instance),
                "PredefinedMetricSpecification": {"PredefinedMetricType": _METRIC},
            },
        )

    @aws_errors()
    def remove(self, endpoint: str, variant: str) -> None:
        """Leave a variant at its present size; its policies go with its registration."""
        try:
            self._client.deregister_scalable_target(
                ServiceNamespace=_SERVICE, ResourceId=_resource(endpoint, variant), ScalableDimension=_DIMENSION
            )
        except botocore.exceptions.ClientError as err:
            if error_code(err) != "ObjectNotFoundException":
                raise

    def _target(self, resource: str) -> float:
        answer = self._client.describe_scaling_policies(
            ServiceNamespace=_SERVICE, ResourceId=resource, ScalableDimension=_DIMENSION, PolicyNames=[_POLICY]
        )
        return next((_value(policy) for policy in answer["ScalingPolicies"]), 0.0)


def _value(policy: "ScalingPolicyTypeDef") -> float:
    return policy.get("TargetTrackingScalingPolicyConfiguration", {}).get("TargetValue", 0.0)


def _resource(endpoint: str, variant: str) -> str:
    return f"endpoint/{endpoint}/variant/{variant}"
