"""How good and how fair a model is on the held-out rows, by its task."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn import calibration, metrics

from sagemaker_gitops_modelkit.training.data import groups, target
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.scored import (
    Gaps,
    Groups,
    Scored,
    by_group,
    counted,
    gaps,
    listed,
    mean,
    rates,
    rounded,
)
from sagemaker_gitops_modelkit.training.scoring import positive

BINS = 10
SCATTER = 500


def judge(answers: npt.NDArray[np.float64], rows: pd.DataFrame, schema: Schema, *, threshold: float) -> Scored:
    """Put a model's answers beside the truth of the rows."""
    truth, group = target(rows, schema), groups(rows, schema)
    if schema.task == "regression":
        return Estimated(truth=truth, answers=answers, group=group)
    favourable = schema.classes.index(schema.favourable) if schema.favourable else None
    if schema.task == "binary":
        return Decided(truth=truth, answers=answers, group=group, favourable=favourable, threshold=threshold)
    return Classified(truth=truth, answers=answers, group=group, favourable=favourable, classes=schema.classes)


@dataclass(frozen=True, kw_only=True)
class Decided:
    """A binary task's answers: the probability of the positive class, and the label from the threshold on."""

    truth: npt.NDArray[np.int64]
    answers: npt.NDArray[np.float64]
    group: npt.NDArray[np.str_] | None
    favourable: int | None
    threshold: float

    @property
    def label(self) -> npt.NDArray[np.int64]:
        """1 where the positive label is given."""
        return positive(self.answers, self.threshold)

    def quality(self) -> dict[str, float]:
        """Return the metrics over all rows."""
        truth, label, probability = self.truth, self.label, self.answers
        return rounded(
            {
                "accuracy": metrics.accuracy_score(truth, label),
                "precision": metrics.precision_score(truth, label, zero_division=0),
                "recall": metrics.recall_score(truth, label),
                "roc_auc": metrics.roc_auc_score(truth, probability),
                "average_precision": metrics.average_precision_score(truth, probability),
                "brier": metrics.brier_score_loss(truth, probability),
            }
        )

    def groups(self) -> Groups:
        """Return the rates of each group."""
        truth, label = self.truth, self.label
        return by_group(self.group, lambda rows: rates(truth[rows], label[rows], (truth == label)[rows]))

    def bias(self) -> Gaps:
        """Return the gaps between groups in the favourable outcome."""
        return gaps(self.groups(), favourable=1 if self.favourable is None else self.favourable)

    def shape(self) -> dict[str, Any]:
        """Return the threshold, how often it is reached, and each class's scores in twenty equal bins from 0 to 1."""
        edges = np.linspace(0, 1, 21)
        counts = {
            name: np.histogram(self.answers[self.truth == value], edges)[0].tolist()
            for name, value in (("negative", 0), ("positive", 1))
        }
        labelled = {"threshold": self.threshold, "labelled_positive": int(self.label.sum())}
        return {**labelled, "scores": {"edges": listed(edges), **counts}}

    def curves(self) -> dict[str, Any]:
        """Return ROC, precision and recall, calibration, and the scores of each class."""
        false_positive, true_positive, _ = metrics.roc_curve(self.truth, self.answers)
        precision, recall, _ = metrics.precision_recall_curve(self.truth, self.answers, drop_intermediate=True)
        observed, predicted = calibration.calibration_curve(self.truth, self.answers, n_bins=BINS, strategy="quantile")
        return {
            "base_rate": mean(self.truth),
            "roc": {"fpr": listed(false_positive), "tpr": listed(true_positive)},
            "precision_recall": {"precision": listed(precision), "recall": listed(recall)},
            "calibration": {"predicted": listed(predicted), "observed": listed(observed)},
            "groups": self.groups(),
            **self.shape(),
        }


@dataclass(frozen=True, kw_only=True)
class Classified:
    """A multiclass task's answers: a probability of each class, and the likeliest class as the label."""

    truth: npt.NDArray[np.int64]
    answers: npt.NDArray[np.float64]
    group: npt.NDArray[np.str_] | None
    favourable: int | None
    classes: tuple[str, ...]

    @property
    def label(self) -> npt.NDArray[np.int64]:
        """The likeliest class, compared in the graph's precision as the server does."""
        return np.asarray(self.answers.astype(np.float32).argmax(axis=1), dtype=np.int64)

    def quality(self) -> dict[str, float]:
        """Return the metrics over all rows; the worst class's recall is that of the class found most rarely."""
        places, label = range(len(self.classes)), self.label
        whole = self.answers / self.answers.sum(axis=1, keepdims=True)  # float32 sums to nearly one
        recalls = metrics.recall_score(self.truth, label, labels=places, average=None, zero_division=0)
        return rounded(
            {
                "accuracy": metrics.accuracy_score(self.truth, label),
                "macro_f1": metrics.f1_score(self.truth, label, average="macro", zero_division=0),
                "weighted_f1": metrics.f1_score(self.truth, label, average="weighted", zero_division=0),
                "log_loss": metrics.log_loss(self.truth, whole, labels=list(places)),
                "worst_class_recall": min(recalls),
            }
        )

    def groups(self) -> Groups:
        """Return how often each group is answered the favourable class."""
        truth, label = (np.asarray(values == self.favourable, dtype=np.int64) for values in (self.truth, self.label))
        hit = self.truth == self.label
        return by_group(self.group, lambda rows: rates(truth[rows], label[rows], hit[rows]))

    def bias(self) -> Gaps:
        """Return the gaps between groups in the favourable class."""
        return gaps(self.groups(), favourable=1)

    def shape(self) -> dict[str, Any]:
        """Return each class's figures, how often it is answered, and how sure the answers are."""
        edges, label = np.linspace(0, 1, 21), self.label
        return {
            "classes": {
                name: {
                    "n": int((self.truth == place).sum()),
                    "answered": int((label == place).sum()),
                    "precision": mean(self.truth[label == place] == place),
                    "recall": mean(label[self.truth == place] == place),
                }
                for place, name in enumerate(self.classes)
            },
            "confidence": counted(self.answers.max(axis=1), edges),
        }

    def curves(self) -> dict[str, Any]:
        """Return the confusion matrix: a line for each true class."""
        places = range(len(self.classes))
        confusion = metrics.confusion_matrix(self.truth, self.label, labels=list(places)).tolist()
        return {
            "confusion": {"classes": list(self.classes), "counts": confusion},
            "groups": self.groups(),
            **self.shape(),
        }


@dataclass(frozen=True, kw_only=True)
class Estimated:
    """A regression's answers."""

    truth: npt.NDArray[np.float64]
    answers: npt.NDArray[np.float64]
    group: npt.NDArray[np.str_] | None

    def quality(self) -> dict[str, float]:
        """Return the metrics over all rows."""
        return rounded(
            {
                "mae": metrics.mean_absolute_error(self.truth, self.answers),
                "rmse": metrics.root_mean_squared_error(self.truth, self.answers),
                "r2": metrics.r2_score(self.truth, self.answers),
            }
        )

    def groups(self) -> Groups:
        """Return each group's mean answer, its mean error, and how far the answers are off."""
        error = self.answers - self.truth
        return by_group(
            self.group,
            lambda rows: {
                "n": int(rows.sum()),
                "mean_answer": mean(self.answers[rows]),
                "mean_error": mean(error[rows]),
                "mae": mean(np.abs(error[rows])),
            },
        )

    def bias(self) -> Gaps:
        """Return the gap between the groups' mean errors, in the truth's standard deviations, and their MAEs' ratio."""
        found = self.groups().values()
        if not found:
            return {}
        errors, sizes = ([group[name] or 0.0 for group in found] for name in ("mean_error", "mae"))
        return {
            "mean_error_difference": round((max(errors) - min(errors)) / float(self.truth.std()), 6),
            "mae_ratio": round(min(sizes) / max(sizes), 6) if max(sizes) else None,
        }

    def shape(self) -> dict[str, Any]:
        """Count the answers in twenty bins of equal width."""
        edges = np.linspace(self.answers.min(), self.answers.max(), 21)
        return {"values": counted(self.answers, edges)} if edges[0] < edges[-1] else {}

    def curves(self) -> dict[str, Any]:
        """Return answers and residuals of some rows, and how the residuals are distributed."""
        residual = self.truth - self.answers
        some = np.unique(np.linspace(0, len(residual) - 1, SCATTER).astype(np.int64))
        spread = np.linspace(residual.min(), residual.max(), 21)
        return {
            "residuals": {"value": listed(self.answers[some]), "residual": listed(residual[some])},
            "residual_counts": counted(residual, spread),
            "groups": self.groups(),
            **self.shape(),
        }
