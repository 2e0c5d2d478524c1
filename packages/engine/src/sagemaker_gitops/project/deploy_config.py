"""How releases reach an endpoint: the `deploy` section of infra/config/<env>.json."""

from collections.abc import Callable
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

StrategyName = Literal["all_at_once", "blue_green", "canary", "linear", "shadow", "native"]


def _within(low: float, high: float, rule: str) -> Callable[[float], float]:
    def check(value: float) -> float:
        if not low <= value <= high:
            raise ValueError(f"must be {low:g} to {high:g}: {rule}")
        return value

    return check


Percent = Annotated[int, AfterValidator(_within(1, 100, "a share of traffic in percent"))]
CanaryPercent = Annotated[int, AfterValidator(_within(1, 50, "AWS puts at most half of a fleet into a canary"))]
StepPercent = Annotated[int, AfterValidator(_within(10, 50, "AWS moves a linear deployment in steps of 10 to 50 %"))]
AwsWait = Annotated[float, AfterValidator(_within(0, 3600, "AWS waits at most an hour between two steps"))]
Timeout = Annotated[int, AfterValidator(_within(600, 28800, "AWS gives a deployment 10 minutes to 8 hours"))]
Rate = Annotated[float, AfterValidator(_within(0, 1, "a rate is a fraction, 0.01 means 1 %"))]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Checks(_Section):
    """What a candidate may differ by from its champion before it is rolled back."""

    max_error_rate: Rate = 0.01
    # Requests that only the candidate refuses: a schema that became narrower than its callers.
    max_rejected_increase: Rate = 0.02
    max_prediction_shift: Rate = 0.10
    max_confidence_distance: Rate = 0.15
    minimum_agreement: Rate = 0.90


class Native(_Section):
    """AWS's own guardrails: BlueGreenUpdatePolicy with alarms that roll back."""

    routing: Literal["all_at_once", "canary", "linear"] = "canary"
    termination_wait_seconds: AwsWait = 600
    timeout_seconds: Timeout = 7200
    # Every release brings these; a name follows the endpoint's.
    alarms: tuple[str, ...] = Field(default=("serving-errors", "serving-latency"), max_length=10)


class DeployConfig(_Section):
    """Which way traffic moves, how long each step is watched, and what stops it."""

    strategy: StrategyName = "canary"
    canary_percent: CanaryPercent = 10
    linear_step_percent: StepPercent = 25
    mirror_percent: Percent = 100
    bake_seconds: AwsWait = 600
    check_seconds: float = Field(default=30, gt=0, le=300)
    # A step passes on evidence only: this many requests must have reached the candidate ...
    minimum_requests: int = Field(default=100, ge=1)
    # ... and a candidate that is still idle so long after its bake is rolled back.
    traffic_wait_seconds: float = Field(default=900, ge=0, le=86400)
    verify_rows: int = Field(default=16, ge=1, le=100)
    standby_hours: float = Field(default=24, ge=0, le=168)
    instance_price_per_hour: float | None = Field(default=None, ge=0)
    provision_timeout_seconds: float = Field(default=1800, ge=10, le=28800)
    lease_seconds: float = Field(default=120, ge=1, le=900)
    # How long the credentials of whoever deploys last; no rollout may take longer. GitHub's jobs ask for two hours.
    session_seconds: float = Field(default=7200, ge=900, le=43200)
    ledger_retention_days: int = Field(default=365, ge=1, le=3650)
    repair: bool = False
    checks: Checks = Checks()
    native: Native = Native()

    @model_validator(mode="after")
    def _native_needs_alarms(self) -> Self:
        if self.strategy == "native" and not self.native.alarms:
            raise ValueError("native.alarms: 1 to 10 are needed; without one AWS neither bakes nor rolls back")
        return self

    @model_validator(mode="after")
    def _native_waits_fit(self) -> Self:
        waits = self.bake_seconds + self.native.termination_wait_seconds
        if self.strategy == "native" and waits >= self.native.timeout_seconds:
            raise ValueError(
                f"bake_seconds + native.termination_wait_seconds = {waits:g} must stay below "
                f"native.timeout_seconds = {self.native.timeout_seconds}"
            )
        return self
