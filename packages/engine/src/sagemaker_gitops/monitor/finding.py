"""What the monitor says about one aspect of a window, and how evidence becomes a finding."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sagemaker_gitops.monitor.significance import holm


class Outcome(StrEnum):
    """How a run of the monitor ends."""

    OK = "ok"
    DRIFT = "drift"
    INSUFFICIENT = "insufficient-data"
    BROKEN = "broken"


class Subject(StrEnum):
    """What a finding is about; the policy reacts by subject."""

    DATA = "data-quality"
    DRIFT = "drift"
    PREDICTION = "prediction"
    QUALITY = "quality"
    BIAS = "bias"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One comparison: real when its p-value survives correction, and worth saying when `material`.

    `feature` is empty for what concerns all rows; `check` is one of Model Monitor's violation types where
    one fits.
    """

    subject: Subject
    feature: str
    check: str
    metric: str
    value: float
    limit: float
    p_value: float
    material: bool
    description: str
    violated: bool = False


def judge(findings: Sequence[Finding], *, false_alarm_rate: float) -> tuple[Finding, ...]:
    """Mark the findings that are violated, so that all of them together raise a false alarm at most so often."""
    adjusted = holm([finding.p_value for finding in findings])
    return tuple(
        replace(finding, p_value=p_value, violated=finding.material and p_value < false_alarm_rate)
        for finding, p_value in zip(findings, adjusted, strict=True)
    )
