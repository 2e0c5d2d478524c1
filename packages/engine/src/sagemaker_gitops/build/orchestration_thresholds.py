"""The thresholds of model/config/baseline.json that a training job's own metrics can be checked against."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.project.documents import read_document

BASELINE = Path("model/config/baseline.json")
# What train.py prints beside its quality, as `test:name=value;`.
BIAS = ("disparate_impact_ratio", "demographic_parity_difference", "equal_opportunity_difference")


@dataclass(frozen=True, kw_only=True)
class Limit:
    """One printed metric beside its threshold: at least a minimum, or at most a maximum."""

    metric: str
    value: float
    least: bool

    def __str__(self) -> str:
        return f"{self.metric} must be at {'least' if self.least else 'most'} {self.value:g}"


def read(root: Path, printed: Sequence[str]) -> tuple[Limit, ...]:
    """List the thresholds of the gates quality and bias whose metric the training job prints."""
    document = read_document(root / BASELINE)
    known = {*printed, *(f"test:{name}" for name in BIAS)}
    marks = [(f"test:{name}", mark) for gate in ("quality", "bias") for name, mark in document.get(gate, {}).items()]
    return tuple(
        Limit(metric=metric, value=float(mark[bound]), least=bound == "minimum")
        for metric, mark in marks
        for bound in ("minimum", "maximum")
        if metric in known and bound in mark
    )
