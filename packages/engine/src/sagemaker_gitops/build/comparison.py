"""What the plots of a comparison show, drawn from a model's metrics alone."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from typing import Any

from sagemaker_gitops.report.plots import Points

RATES = {
    "selection_rate": "predicted positive",
    "tpr": "true positives",
    "fpr": "false positives",
    "accuracy": "accuracy",
}


def roc(metrics: Mapping[str, Any]) -> Points:
    """Draw the ROC curve at the edges of the histogram of scores: false against true positive rate."""
    scores = metrics["scores"]
    false, true = (_share_above(scores[name]) for name in ("negative", "positive"))
    return list(zip(false, true, strict=True))


def drawable(models: Mapping[str, Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    """Leave out the models that score no classes, such as a regression: they have other figures than these."""
    return {name: metrics for name, metrics in models.items() if "scores" in metrics}


def at(points: Points, places: Sequence[float]) -> list[float]:
    """Read a curve's height at given places, straight between its points."""
    return [_height(points, place) for place in places]


def rates(metrics: Mapping[str, Any], rate: str) -> dict[str, float]:
    """Read one rate of every group."""
    return {group: values.get(rate) or 0.0 for group, values in metrics["groups"].items()}


def _share_above(counts: Sequence[int]) -> list[float]:
    """Count from the highest score down, as a threshold that falls."""
    total = sum(counts) or 1
    return [0.0, *(count / total for count in accumulate(reversed(counts)))]


def _height(points: Points, place: float) -> float:
    # At a jump the upper end counts: that true positive rate is reached at no more false positives.
    left = max((point for point in points if point[0] <= place), key=lambda point: point)
    right = min((point for point in points if point[0] > place), default=left)
    if right[0] == left[0]:
        return left[1]
    return left[1] + (right[1] - left[1]) * (place - left[0]) / (right[0] - left[0])
