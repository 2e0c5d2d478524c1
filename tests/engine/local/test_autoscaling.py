"""Scalable targets: only variants that exist, and an endpoint keeps what is scaled until it is let go."""

from typing import Any

import pytest
from tests.engine.local.harness import LocalAws, refused

WHICH = {"ServiceNamespace": "sagemaker", "ScalableDimension": "sagemaker:variant:DesiredInstanceCount"}
TRACKING = {
    "TargetValue": 100.0,
    "PredefinedMetricSpecification": {"PredefinedMetricType": "SageMakerVariantInvocationsPerInstance"},
}


def register(aws: LocalAws, resource: str, **bounds: int) -> None:
    """Register a scalable target."""
    aws.client("application-autoscaling").register_scalable_target(ResourceId=resource, **WHICH, **bounds)


def registered(aws: LocalAws, resource: str) -> list[dict[str, Any]]:
    """Read a scalable target back."""
    client = aws.client("application-autoscaling")
    found: list[dict[str, Any]] = client.describe_scalable_targets(ResourceIds=[resource], **WHICH)["ScalableTargets"]
    return found


def test_target_is_a_variant_that_exists(aws: LocalAws) -> None:
    """Bounds are kept, and changed by a second call; a policy hangs on the target and goes with it."""
    resource = f"endpoint/{aws.endpoint(aws.config(aws.model('1')))}/variant/v1"
    client = aws.client("application-autoscaling")

    register(aws, resource, MinCapacity=1, MaxCapacity=4)
    register(aws, resource, MaxCapacity=6)
    client.put_scaling_policy(
        PolicyName="track",
        PolicyType="TargetTrackingScaling",
        ResourceId=resource,
        TargetTrackingScalingPolicyConfiguration=TRACKING,
        **WHICH,
    )

    (target,) = registered(aws, resource)
    assert (target["MinCapacity"], target["MaxCapacity"]) == (1, 6)
    policies = client.describe_scaling_policies(ResourceId=resource, **WHICH)["ScalingPolicies"]
    assert [item["TargetTrackingScalingPolicyConfiguration"] for item in policies] == [TRACKING]
    client.deregister_scalable_target(ResourceId=resource, **WHICH)
    assert registered(aws, resource) == []
    assert client.describe_scaling_policies(ResourceId=resource, **WHICH)["ScalingPolicies"] == []


@pytest.mark.parametrize(
    ("resource", "bounds"),
    [
        ("endpoint/nowhere/variant/v1", {"MinCapacity": 1, "MaxCapacity": 2}),
        ("endpoint/{endpoint}/variant/other", {"MinCapacity": 1, "MaxCapacity": 2}),
        ("{endpoint}", {"MinCapacity": 1, "MaxCapacity": 2}),
        ("endpoint/{endpoint}/variant/v1", {"MinCapacity": 3, "MaxCapacity": 2}),
        ("endpoint/{endpoint}/variant/v1", {"MinCapacity": 1}),
    ],
    ids=["no endpoint", "no variant", "no resource id", "bounds crossed", "no maximum"],
)
def test_target_that_aws_would_not_register_is_refused(aws: LocalAws, resource: str, bounds: dict[str, int]) -> None:
    """A name of nothing and bounds that are none."""
    name = aws.endpoint(aws.config(aws.model("1")))

    register = aws.client("application-autoscaling").register_scalable_target
    code, _ = refused(register, ResourceId=resource.format(endpoint=name), **WHICH, **bounds)

    assert code == "ValidationException"


def test_policy_without_a_target_is_refused(aws: LocalAws) -> None:
    """Neither a policy nor a deregistration finds a variant that was never registered."""
    client, target = aws.client("application-autoscaling"), {**WHICH, "ResourceId": "endpoint/none/variant/v1"}

    put, _ = refused(client.put_scaling_policy, PolicyName="p", PolicyType="TargetTrackingScaling", **target)
    deregistered, _ = refused(client.deregister_scalable_target, **target)

    assert put == deregistered == "ObjectNotFoundException"


def test_scaled_variant_is_let_go_before_it_is_removed(aws: LocalAws) -> None:
    """An update that drops a scaled variant is refused; another model under its name is not; deletion lets go."""
    name = aws.endpoint(aws.config(aws.model("1"), aws.model("2")))
    resource = f"endpoint/{name}/variant/v2"
    register(aws, resource, MinCapacity=1, MaxCapacity=2)
    alone = aws.config(aws.model("3"))

    _, message = refused(aws.sagemaker.update_endpoint, EndpointName=name, EndpointConfigName=alone)
    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=aws.config(aws.model("4"), aws.model("5")))
    aws.settled(name)
    aws.sagemaker.delete_endpoint(EndpointName=name)
    aws.sagemaker.get_waiter("endpoint_deleted").wait(EndpointName=name, WaiterConfig={"Delay": 1})

    assert message.startswith('The variant(s) ["v2"] must be deregistered as scalable targets')
    assert registered(aws, resource) == []
