"""How good and how fair a model is on the held-out rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn import calibration, metrics

from sagemaker_gitops_modelkit.training.scoring import positive

DIGITS = 6
BINS = 10


@dataclass(frozen=True, kw_only=True)
class Scored:
    """The held-out rows: what was true, what the model gave, and whom it concerned."""

    truth: npt.NDArray[np.int64]
    probability: npt.NDArray[np.float64]
    group: npt.NDArray[np.str_]
    threshold: float

    @property
    def label(self) -> npt.NDArray[np.int64]:
        """1 where the positive label is given."""
        return positive(self.probability, self.threshold)


def quality(scored: Scored) -> dict[str, float]:
    """Return the metrics over all rows."""
    truth, label, probability = scored.truth, scored.label, scored.probability
    return _rounded(
        {
            "accuracy": metrics.accuracy_score(truth, label),
            "precision": metrics.precision_score(truth, label, zero_division=0),
            "recall": metrics.recall_score(truth, label),
            "roc_auc": metrics.roc_auc_score(truth, probability),
            "average_precision": metrics.average_precision_score(truth, probability),
            "brier": metrics.brier_score_loss(truth, probability),
        }
    )


def by_group(scored: Scored) -> dict[str, dict[str, float | None]]:
    """Return the rates of each value of the protected attribute; a rate over no rows is None."""
    groups = {}
    for name in sorted(set(scored.group)):
        mine = scored.group == name
        groups[str(name)] = _rates(scored.truth[mine], scored.label[mine])
    return groups


def _rates(truth: npt.NDArray[np.int64], label: npt.NDArray[np.int64]) -> dict[str, float | None]:
    return {
        "n": len(truth),
        "selection_rate": _mean(label),
        "tpr": _mean(label[truth == 1]),
        "fpr": _mean(label[truth == 0]),
        "accuracy": _mean(label == truth),
    }


def bias(groups: Mapping[str, Mapping[str, float | None]], *, favourable: int) -> dict[str, float | None]:
    """Return the gaps between groups in the favourable outcome, and in it for those who deserve it."""
    name = "tpr" if favourable else "fpr"
    given = [_favour(group["selection_rate"], favourable) for group in groups.values()]
    deserved = [_favour(group[name], favourable) for group in groups.values() if group[name] is not None]
    return {
        "demographic_parity_difference": round(max(given) - min(given), DIGITS),
        "equal_opportunity_difference": round(max(deserved) - min(deserved), DIGITS) if deserved else None,
        "disparate_impact_ratio": round(min(given) / max(given), DIGITS) if max(given) else None,
    }


def _favour(rate: float | None, favourable: int) -> float:
    positive = 0.0 if rate is None else rate
    return positive if favourable else 1 - positive


def curves(scored: Scored) -> dict[str, Any]:
    """Return what a report plots: ROC, precision and recall, calibration, and the scores of each class."""
    false_positive, true_positive, _ = metrics.roc_curve(scored.truth, scored.probability)
    precision, recall, _ = metrics.precision_recall_curve(scored.truth, scored.probability, drop_intermediate=True)
    observed, predicted = calibration.calibration_curve(
        scored.truth, scored.probability, n_bins=BINS, strategy="quantile"
    )
    return {
        "threshold": scored.threshold,
        "base_rate": _mean(scored.truth),
        "roc": {"fpr": _list(false_positive), "tpr": _list(true_positive)},
        "precision_recall": {"precision": _list(precision), "recall": _list(recall)},
        "calibration": {"predicted": _list(predicted), "observed": _list(observed)},
        "scores": histogram(scored),
        "groups": by_group(scored),
    }


def histogram(scored: Scored) -> dict[str, list[float]]:
    """Count the scores of each class in twenty equal bins from 0 to 1."""
    edges = np.linspace(0, 1, 21)
    counts = {
        name: np.histogram(scored.probability[scored.truth == value], edges)[0].tolist()
        for name, value in (("negative", 0), ("positive", 1))
    }
    return {"edges": _list(edges), **counts}


def _mean(values: npt.NDArray[Any]) -> float | None:
    return round(float(values.mean()), DIGITS) if len(values) else None


def _list(values: npt.NDArray[np.float64]) -> list[float]:
    return [round(float(value), DIGITS) for value in values]


def _rounded(values: Mapping[str, float]) -> dict[str, float]:
    return {name: round(float(value), DIGITS) for name, value in values.items()}
