"""SageMaker's deployment guardrails: how AWS moves traffic to a new fleet, and back on an alarm."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from mypy_boto3_sagemaker.type_defs import DeploymentConfigTypeDef, TrafficRoutingConfigTypeDef


class GuardRequest(Protocol):
    """A guardrail to deploy under; waits in seconds, step in percent of the fleet."""

    @property
    def routing(self) -> str: ...  # noqa: D102
    @property
    def percent(self) -> int: ...  # noqa: D102
    @property
    def wait_seconds(self) -> int: ...  # noqa: D102
    @property
    def termination_wait_seconds(self) -> int: ...  # noqa: D102
    @property
    def timeout_seconds(self) -> int: ...  # noqa: D102
    @property
    def alarms(self) -> Sequence[str]: ...  # noqa: D102


def deployment_config(guard: GuardRequest) -> "DeploymentConfigTypeDef":
    """Write a guardrail in SageMaker's terms."""
    return {
        "BlueGreenUpdatePolicy": {
            "TrafficRoutingConfiguration": _routing(guard),
            "TerminationWaitInSeconds": guard.termination_wait_seconds,
            "MaximumExecutionTimeoutInSeconds": guard.timeout_seconds,
        },
        "AutoRollbackConfiguration": {"Alarms": [{"AlarmName": name} for name in guard.alarms]},
    }


def _routing(guard: GuardRequest) -> "TrafficRoutingConfigTypeDef":
    wait = guard.wait_seconds
    if guard.routing == "canary":
        size: TrafficRoutingConfigTypeDef = {
            "Type": "CANARY",
            "WaitIntervalInSeconds": wait,
            "CanarySize": {"Type": "CAPACITY_PERCENT", "Value": guard.percent},
        }
        return size
    if guard.routing == "linear":
        return {
            "Type": "LINEAR",
            "WaitIntervalInSeconds": wait,
            "LinearStepSize": {"Type": "CAPACITY_PERCENT", "Value": guard.percent},
        }
    return {"Type": "ALL_AT_ONCE", "WaitIntervalInSeconds": wait}
