"""Guarded deployments: an alarm rolls back, silence goes through."""

import json
import uuid
from typing import Any

import pytest
from tests.engine.local.harness import LocalAws, eventually, refused

CANARY = {"Type": "CANARY", "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": 50}, "WaitIntervalInSeconds": 600}


def alarm(aws: LocalAws, endpoint: str, **changes: Any) -> str:
    """Create an alarm on the errors of an endpoint's variant; return its name."""
    name = f"errors-{uuid.uuid4().hex[:8]}"
    dimensions = {"EndpointName": endpoint, "VariantName": "v1"}
    definition = {
        "AlarmName": name,
        "Namespace": "AWS/SageMaker",
        "MetricName": "Invocation5XXErrors",
        "Dimensions": [{"Name": key, "Value": value} for key, value in dimensions.items()],
        "Statistic": "Sum",
        "Period": 600,
        "EvaluationPeriods": 1,
        "Threshold": 3,
        "ComparisonOperator": "GreaterThanOrEqualToThreshold",
        "TreatMissingData": "notBreaching",
    }
    aws.client("cloudwatch").put_metric_alarm(**{**definition, **changes})
    return name


def guarded(alarm_name: str, routing: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a DeploymentConfig with an alarm."""
    policy = {
        "TrafficRoutingConfiguration": routing or CANARY,
        "TerminationWaitInSeconds": 0,
        "MaximumExecutionTimeoutInSeconds": 3600,
    }
    alarms = [{"AlarmName": alarm_name}]
    return {"BlueGreenUpdatePolicy": policy, "AutoRollbackConfiguration": {"Alarms": alarms}}


def ask_until_settled(aws: LocalAws, endpoint: str) -> tuple[set[str], int, dict[str, Any]]:
    """Invoke until the update has ended; return the versions seen, the failures, and the endpoint."""
    versions, failures = set(), 0
    while (described := aws.sagemaker.describe_endpoint(EndpointName=endpoint))["EndpointStatus"] != "InService":
        try:
            versions.add(aws.invoke(endpoint)["Body"]["version"])
        except aws.client("sagemaker-runtime").exceptions.ModelError:
            failures += 1
    return versions, failures, described


def test_a_bad_canary_is_rolled_back_by_its_alarm(aws: LocalAws) -> None:
    """Errors of the new fleet trip the alarm, and the old fleet serves alone again."""
    config = aws.config(aws.model("1"))
    name = aws.endpoint(config)
    bad = aws.config(aws.model("2", broken="1"))
    watched = alarm(aws, name)

    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=bad, DeploymentConfig=guarded(watched))
    versions, failures, described = ask_until_settled(aws, name)

    assert failures >= 3
    assert versions == {"1"}
    assert described["EndpointConfigName"] == config
    assert f"Alarm {watched}" in described["FailureReason"]
    assert aws.invoke(name)["Body"]["version"] == "1"


def test_a_good_canary_is_promoted(aws: LocalAws) -> None:
    """Without an alarm the new fleet gets its share, then everything."""
    name = aws.endpoint(aws.config(aws.model("1")))
    config = aws.config(aws.model("2"))
    deployment = guarded(alarm(aws, name))

    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, DeploymentConfig=deployment)
    versions, failures, described = ask_until_settled(aws, name)

    assert failures == 0
    assert versions == {"1", "2"}
    assert described["EndpointConfigName"] == config
    assert described["LastDeploymentConfig"] == deployment
    assert "FailureReason" not in described
    assert {aws.invoke(name)["Body"]["version"] for _ in range(5)} == {"2"}


def test_an_alarm_set_by_hand_rolls_back(aws: LocalAws) -> None:
    """Forcing the alarm during the bake ends the deployment."""
    config = aws.config(aws.model("1"))
    name = aws.endpoint(config)
    watched = alarm(aws, name)
    deployment = guarded(watched, {**CANARY, "WaitIntervalInSeconds": 1200})
    aws.sagemaker.update_endpoint(
        EndpointName=name, EndpointConfigName=aws.config(aws.model("2")), DeploymentConfig=deployment
    )
    eventually(
        lambda: aws.sagemaker.describe_endpoint(EndpointName=name),
        lambda described: "Baking" in json.dumps(described.get("PendingDeploymentSummary", {}), default=str),
    )

    # The next evaluation, a tenth of a second later here, takes back what a hand has set.
    while aws.sagemaker.describe_endpoint(EndpointName=name)["EndpointStatus"] == "Updating":
        aws.client("cloudwatch").set_alarm_state(AlarmName=watched, StateValue="ALARM", StateReason="by hand")

    assert aws.settled(name)["EndpointConfigName"] == config


def test_an_alarm_on_the_new_config_watches_the_new_fleet(aws: LocalAws) -> None:
    """With the dimension EndpointConfigName the old fleet's errors count for nothing."""
    name = aws.endpoint(aws.config(aws.model("1", broken="1")))
    config = aws.config(aws.model("2"))
    dimensions = {"EndpointName": name, "VariantName": "v1", "EndpointConfigName": config}
    watched = alarm(aws, name, Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()])

    aws.sagemaker.update_endpoint(EndpointName=name, EndpointConfigName=config, DeploymentConfig=guarded(watched))
    _, failures, described = ask_until_settled(aws, name)

    assert failures >= 3
    assert described["EndpointConfigName"] == config


@pytest.mark.parametrize(
    ("variants", "alarm_name", "message"),
    [(2, None, "same variant names"), (1, "absent", "alarms do not exist: absent")],
)
def test_refuses_a_guarded_update(aws: LocalAws, variants: int, alarm_name: str | None, message: str) -> None:
    """The variants must stay, and the alarms must be there."""
    name = aws.endpoint(aws.config(aws.model()))
    config = aws.config(*(aws.model() for _ in range(variants)))

    code, found = refused(
        aws.sagemaker.update_endpoint,
        EndpointName=name,
        EndpointConfigName=config,
        DeploymentConfig=guarded(alarm_name or alarm(aws, name)),
    )

    assert code == "ValidationException"
    assert message in found
    assert aws.settled(name)["EndpointStatus"] == "InService"
