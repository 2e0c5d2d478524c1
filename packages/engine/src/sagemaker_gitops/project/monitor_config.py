"""What counts as drift and what follows from it: the `monitor` section of infra/config/<env>.json."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Reaction = Literal["page", "retrain", "rollback"]
Share = Annotated[float, Field(ge=0, le=1)]


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Limits(_Section):
    """Differences that matter to people; whether one is real is the statistics' business."""

    # 0.1 is the customary border of "some change", 0.25 of "major change" (Siddiqi 2006).
    psi: float = Field(default=0.1, gt=0)
    # Shares of rows beyond what the baseline itself shows.
    missing: Share = 0.01
    invalid: Share = 0.01
    outside_range: Share = 0.01
    new_category: Share = 0.005
    # Losses against the release's own metrics.json.
    quality: Share = 0.03
    calibration: Share = 0.05
    # The four-fifths rule (29 CFR 1607.4 D), and its counterpart for differences between rates.
    disparate_impact: Share = 0.8
    equal_opportunity: Share = 0.15


class Policy(_Section):
    """What is done about an outcome, and how often at most."""

    drift: tuple[Reaction, ...] = ("page",)
    # Data drift hits the former release equally; lost quality is what a rollback can repair.
    quality: tuple[Reaction, ...] = ("page", "rollback")
    bias: tuple[Reaction, ...] = ("page",)
    broken: tuple[Reaction, ...] = ("page",)
    cooldown_minutes: int = Field(default=360, ge=0, le=10080)
    maximum_per_day: int = Field(default=2, ge=0, le=24)
    # Whether AWS rolls back by itself, without GitHub; GitHub is then asked for trainings alone.
    unattended: bool = False
    # The secret in Secrets Manager that holds a GitHub token; empty means that events start no workflow.
    dispatch_secret: Annotated[str, Field(pattern=r"^[A-Za-z0-9/_+=.@-]*$")] = ""

    @model_validator(mode="after")
    def _drift_is_not_regression(self) -> Self:
        wrong = [name for name in ("drift", "broken") if "rollback" in getattr(self, name)]
        if wrong:
            raise ValueError(
                f"{' and '.join(wrong)} cannot roll back: the former release sees the same data; use page or retrain"
            )
        return self


class Processing(_Section):
    """When and how a window is read by a SageMaker Processing job instead of this process."""

    above_mebibytes: int = Field(default=2048, ge=1)
    instance_type: Annotated[str, Field(pattern=r"^ml\.[a-z0-9-]+\.[a-z0-9]+$")] = "ml.m6i.large"
    maximum_instances: int = Field(default=4, ge=1, le=20)
    mebibytes_per_instance: int = Field(default=4096, ge=1)
    volume_gb: int = Field(default=30, ge=1, le=16384)
    max_runtime_seconds: int = Field(default=3600, ge=60, le=86400)


class MonitorConfig(_Section):
    """The window, the evidence that it must hold, the limits and the reactions."""

    window_hours: int = Field(default=24, ge=1, le=744)
    # Ground truth comes late: predictions this old still count for model quality.
    label_lookback_hours: int = Field(default=168, ge=1, le=8784)
    minimum_rows: int = Field(default=500, ge=50)
    minimum_labels: int = Field(default=200, ge=20)
    maximum_corrupt: Share = 0.05
    # Hours without any traffic between hours that have some; an endpoint that rests at night needs more.
    maximum_silent_hours: int = Field(default=0, ge=0, le=744)
    # The probability that a run over undrifted data reports anything at all.
    false_alarm_rate: float = Field(default=0.01, gt=0, le=0.05)
    limits: Limits = Limits()
    policy: Policy = Policy()
    processing: Processing = Processing()
    # Only `--engine model-monitor` needs it: the region's URI of sagemaker-model-monitor-analyzer.
    model_monitor_image: str | None = None
