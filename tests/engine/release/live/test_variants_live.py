"""Alarms and scaling on a real control plane: they come with a variant, move with the traffic, go with the variant."""

from typing import Any

from tests.engine.release.live.plant import ENDPOINT, Plant

KINDS = ("errors", "latency", "overhead")


def watched(plant: Plant) -> dict[str, list[str]]:
    """Read which versions have which alarms, and expect each to page."""
    alarms = plant.client("cloudwatch").describe_alarms(AlarmNamePrefix=f"{ENDPOINT}-v")["MetricAlarms"]
    assert all(item["AlarmActions"][0].endswith(":loan-approval-page-prod") for item in alarms)
    found: dict[str, list[str]] = {}
    for item in alarms:
        version, _, kind = item["AlarmName"].removeprefix(f"{ENDPOINT}-").split("-")
        found.setdefault(version, []).append(kind)
    return {version: sorted(kinds) for version, kinds in found.items()}


def scaled(plant: Plant) -> dict[str, tuple[int, int, float]]:
    """Read between which bounds, and at how many requests a minute, which versions are scaled."""
    client = plant.client("application-autoscaling")
    targets: list[dict[str, Any]] = client.describe_scalable_targets(ServiceNamespace="sagemaker")["ScalableTargets"]
    policies = client.describe_scaling_policies(ServiceNamespace="sagemaker")["ScalingPolicies"]
    values = {item["ResourceId"]: item["TargetTrackingScalingPolicyConfiguration"]["TargetValue"] for item in policies}
    return {
        item["ResourceId"].rsplit("/", 1)[1].split("-")[0]: (
            item["MinCapacity"],
            item["MaxCapacity"],
            values[item["ResourceId"]],
        )
        for item in targets
    }


def test_alarms_and_scaling_follow_the_release(serving: Plant) -> None:
    """Through a deploy, a rollback, the retirement of a standby and a replacement, and reconcile agrees throughout."""
    old, new = (f"v{serving.versions[name]}" for name in ("good", "better"))
    assert (watched(serving), scaled(serving)) == ({old: [*KINDS]}, {old: (2, 8, 6000)})

    serving.deploy("better", "all_at_once")
    assert (watched(serving), scaled(serving)) == ({old: [*KINDS], new: [*KINDS]}, {new: (2, 8, 6000)})

    serving.run("rollback", "--env", "prod", "--reason", "practise")
    assert scaled(serving) == {old: (2, 8, 6000)}

    serving.run("clean", "--env", "prod", PIPELINE__DEPLOY__STANDBY_HOURS="0")
    assert (watched(serving), scaled(serving)) == ({old: [*KINDS]}, {old: (2, 8, 6000)})

    # The champion itself goes here, which AWS refuses while it is scaled.
    told = serving.deploy("third", "all_at_once", PIPELINE__DEPLOY__STANDBY_HOURS="0")
    assert told.exit_code == 0, told.stderr
    third = f"v{serving.versions['third']}"
    assert (watched(serving), scaled(serving)) == ({third: [*KINDS]}, {third: (2, 8, 6000)})


def test_alarm_and_scaling_that_somebody_removed_are_put_back(serving: Plant) -> None:
    """Reconcile reports both, and repairs both."""
    version = f"v{serving.versions['good']}"
    (variant,) = serving.weights()
    serving.client("cloudwatch").delete_alarms(AlarmNames=[f"{ENDPOINT}-{variant}-errors"])
    serving.client("application-autoscaling").deregister_scalable_target(
        ServiceNamespace="sagemaker",
        ResourceId=f"endpoint/{ENDPOINT}/variant/{variant}",
        ScalableDimension="sagemaker:variant:DesiredInstanceCount",
    )

    reported = serving.run("reconcile", "--env", "prod")
    repaired = serving.run("reconcile", "--env", "prod", "--apply")

    assert f"alarm {ENDPOINT}-{variant}-errors" in reported.error
    assert f"autoscaling of {variant}" in reported.error
    assert repaired.exit_code == 0, repaired.stderr
    assert (watched(serving), scaled(serving)) == ({version: [*KINDS]}, {version: (2, 8, 6000)})
