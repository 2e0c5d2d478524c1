"""What a challenger must show before it may replace the champion."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Metric = Literal["roc_auc", "brier", "log_loss"]


class RetrainConfig(BaseModel):
    """The metric, the margin it must gain, and the confidence with which that must be so."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    metric: Metric = "roc_auc"
    margin: float = Field(default=0.0, ge=0, le=1)
    confidence: float = Field(default=0.95, ge=0.5, le=0.9999)
    resamples: int = Field(default=5000, ge=200, le=100_000)
