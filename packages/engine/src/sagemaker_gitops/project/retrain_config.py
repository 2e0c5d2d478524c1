"""What a challenger must show before it may replace the champion."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Metric = Literal["roc_auc", "brier", "log_loss", "accuracy", "macro_f1", "mae", "rmse", "r2"]
Task = Literal["binary", "multiclass", "regression"]

# The first is what decides where none is named.
METRICS: dict[Task, tuple[Metric, ...]] = {
    "binary": ("roc_auc", "brier", "log_loss"),
    "multiclass": ("log_loss", "brier", "accuracy", "macro_f1"),
    "regression": ("mae", "rmse", "r2"),
}


class RetrainConfig(BaseModel):
    """The metric, the margin it must gain, and the confidence with which that must be so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    # None is the first of the task's: ROC AUC, log loss of more classes, mean absolute error of a regression.
    metric: Metric | None = None
    # In the metric's own unit.
    margin: float = Field(default=0.0, ge=0)
    confidence: float = Field(default=0.95, ge=0.5, le=0.9999)
    resamples: int = Field(default=5000, ge=200, le=100_000)
