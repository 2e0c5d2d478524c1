"""The paired bootstrap: how much better one model is than another on the same rows, and how surely.

Rows are drawn with replacement, and both models are judged on each draw; so what makes a row hard is the same for
both and cancels out. A draw is a weight a row, which multinomial counts are.
Source: B. Efron, R. Tibshirani, An Introduction to the Bootstrap, Chapman & Hall 1993, chapters 8 and 13.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from sagemaker_gitops.project.retrain_config import METRICS, Metric, RetrainConfig, Task

Values = npt.NDArray[np.float64]

SEED = 20260101
# Weights of one block of draws: 32 MiB.
_BLOCK_VALUES = 1 << 22
_SMALLEST_PROBABILITY = 1e-15
_HIGHER_IS_BETTER = {"roc_auc", "accuracy", "macro_f1", "r2"}


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What was true of each held-out row, and what each model gave it, by the task.

    Two classes: 1 or 0, and the probability of 1. More: the class's place, and a line of probabilities. Else numbers.
    """

    truth: Values
    champion: Values
    challenger: Values

    @classmethod
    def of(cls, answers: Mapping[str, Sequence[float] | Sequence[Sequence[float]]]) -> Self:
        """Take them from lists by the same names."""
        return cls(**{name: np.asarray(answers[name], dtype=np.float64) for name in cls.__annotations__})


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """The comparison in figures; `difference` is positive where the challenger is better."""

    metric: Metric
    champion: float
    challenger: float
    difference: float
    lower: float
    upper: float
    margin: float
    confidence: float
    share_better: float
    rows: int
    resamples: int

    @property
    def won(self) -> bool:
        """Tell whether the challenger is better by the margin at the stated confidence."""
        return self.lower > self.margin

    def __str__(self) -> str:
        verdict = "is better" if self.won else "is not shown to be better"
        return (
            f"the challenger {verdict} by more than {self.margin:g}: {self.metric} {self.challenger:.4f} against "
            f"{self.champion:.4f} on {self.rows} rows, better by {self.difference:+.4f}, and by at least "
            f"{self.lower:+.4f} at {self.confidence:.1%} confidence ({self.resamples} paired resamples)"
        )


def compare(answers: Answers, config: RetrainConfig, task: Task = "binary") -> Evidence:
    """Weigh a challenger against the champion by the metric asked for, which must be one of the task's."""
    metric = config.metric or METRICS[task][0]
    scores = [_METRICS[metric](answers.truth, given) for given in (answers.champion, answers.challenger)]
    once = np.ones((1, len(answers.truth)))
    champion, challenger = (float(score(once)[0]) for score in scores)
    sign = 1.0 if metric in _HIGHER_IS_BETTER else -1.0
    classes = [np.arange(len(answers.truth))]
    if task != "regression":
        classes = [np.flatnonzero(answers.truth == value) for value in np.unique(answers.truth)]
    draws = _draws(classes, config.resamples)
    gains = sign * np.concatenate([scores[1](weights) - scores[0](weights) for weights in draws])
    lower, upper = np.quantile(gains, [1 - config.confidence, config.confidence])
    return Evidence(
        metric=metric,
        champion=champion,
        challenger=challenger,
        difference=sign * (challenger - champion),
        lower=float(lower),
        upper=float(upper),
        margin=config.margin,
        confidence=config.confidence,
        share_better=float((gains > config.margin).mean()),
        rows=len(answers.truth),
        resamples=config.resamples,
    )


def _draws(classes: Sequence[npt.NDArray[np.intp]], resamples: int) -> Iterator[Values]:
    """Draw each class's rows apart, so that no draw is without one of them."""
    rng = np.random.default_rng(SEED)
    total = sum(map(len, classes))
    block = max(1, _BLOCK_VALUES // total)
    for start in range(0, resamples, block):
        weights = np.zeros((min(block, resamples - start), total))
        for rows in classes:
            weights[:, rows] = rng.multinomial(len(rows), np.full(len(rows), 1 / len(rows)), size=len(weights))
        yield weights


def _area(truth: Values, probability: Values) -> Callable[[Values], Values]:
    """Return what computes the weighted ROC AUC for draws, shape (draws, rows); ties count half."""
    order = np.argsort(probability, kind="stable")
    starts = np.flatnonzero(np.diff(probability[order], prepend=-1.0))
    positive = truth[order] == 1

    def score(weights: Values) -> Values:
        ordered = weights[:, order]
        above = np.add.reduceat(ordered * positive, starts, axis=1)
        below = np.add.reduceat(ordered * ~positive, starts, axis=1)
        pairs = above * (np.cumsum(below, axis=1) - below / 2)
        return np.asarray(pairs.sum(axis=1) / (above.sum(axis=1) * below.sum(axis=1)), dtype=np.float64)

    return score


def _mean_of(losses: Values) -> Callable[[Values], Values]:
    return lambda weights: np.asarray(weights @ losses / weights.sum(axis=1), dtype=np.float64)


def _brier(truth: Values, probability: Values) -> Callable[[Values], Values]:
    if probability.ndim == 1:
        return _mean_of((probability - truth) ** 2)
    return _mean_of(((probability - np.eye(probability.shape[1])[truth.astype(np.int64)]) ** 2).sum(axis=1))


def _log_loss(truth: Values, probability: Values) -> Callable[[Values], Values]:
    if probability.ndim == 1:
        of_truth = np.where(truth == 1, probability, 1 - probability)
    else:
        # Single precision sums to nearly one.
        whole = probability / probability.sum(axis=1, keepdims=True)
        of_truth = whole[np.arange(len(truth)), truth.astype(np.int64)]
    return _mean_of(-np.log(np.clip(of_truth, _SMALLEST_PROBABILITY, 1.0)))


def _accuracy(truth: Values, probability: Values) -> Callable[[Values], Values]:
    return _mean_of((probability.argmax(axis=1) == truth).astype(np.float64))


def _macro_f1(truth: Values, probability: Values) -> Callable[[Values], Values]:
    """Return what computes the mean of the classes' F1 for draws."""
    places = np.arange(probability.shape[1])
    true, said = truth[:, None] == places, probability.argmax(axis=1)[:, None] == places
    both, either = (true & said).astype(np.float64), true.astype(np.float64) + said

    def score(weights: Values) -> Values:
        # A class that is neither true nor said counts as none found, as scikit-learn has it.
        return np.asarray((2 * (weights @ both) / np.maximum(weights @ either, 1.0)).mean(axis=1), dtype=np.float64)

    return score


def _mae(truth: Values, value: Values) -> Callable[[Values], Values]:
    return _mean_of(np.abs(value - truth))


def _rmse(truth: Values, value: Values) -> Callable[[Values], Values]:
    squared = _mean_of((value - truth) ** 2)
    return lambda weights: np.sqrt(squared(weights))


def _r2(truth: Values, value: Values) -> Callable[[Values], Values]:
    squared, mean, mean_square = (_mean_of(one) for one in ((value - truth) ** 2, truth, truth**2))
    return lambda weights: 1 - squared(weights) / (mean_square(weights) - mean(weights) ** 2)


_METRICS: dict[Metric, Callable[[Values, Values], Callable[[Values], Values]]] = {
    "roc_auc": _area,
    "brier": _brier,
    "log_loss": _log_loss,
    "accuracy": _accuracy,
    "macro_f1": _macro_f1,
    "mae": _mae,
    "rmse": _rmse,
    "r2": _r2,
}
