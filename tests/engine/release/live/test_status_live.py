"""`status` on a whole AWS: what serves, and what is wrong when something is."""

import json
from typing import Any

from tests.engine.release.live.plant import ENDPOINT, Plant, Told

ALARM = f"{ENDPOINT}-of-the-test"


def states(told: Told) -> dict[str, Any]:
    """Read every environment's state by its name."""
    assert told.exit_code == 0, told.stderr
    return {item["environment"]: item for item in json.loads(told.outputs["environments"])}


def test_status_tells_every_environment(serving: Plant) -> None:
    """Prod is told with its release; the accounts without stacks say what is missing, and fail nobody."""
    told = states(serving.run("status"))

    version = serving.versions["good"]
    assert told["prod"]["version"] == version
    assert list(told["prod"]["traffic"].values()) == [100.0]
    # Time runs fast and nobody calls: the alarm on missing traffic may ring, and nothing else may be wrong.
    assert all(trouble.startswith("alarm ") for trouble in told["prod"]["troubles"])
    assert told["staging"]["health"] == "unknown"


def test_ringing_alarm_makes_an_environment_unhealthy(serving: Plant) -> None:
    """The alarm is named, and programs read one word."""
    client = serving.client("cloudwatch")
    client.put_metric_alarm(
        AlarmName=ALARM, Namespace="Test", MetricName="None", Statistic="Sum", Period=60, EvaluationPeriods=1,
        Threshold=1, ComparisonOperator="GreaterThanThreshold", TreatMissingData="ignore",
    )  # fmt: skip
    client.set_alarm_state(AlarmName=ALARM, StateValue="ALARM", StateReason="test")

    told = serving.run("status", "--env", "prod")

    client.delete_alarms(AlarmNames=[ALARM])
    assert told.outputs["healthy"] == "false"
    assert f"alarm {ALARM}" in states(told)["prod"]["troubles"]
