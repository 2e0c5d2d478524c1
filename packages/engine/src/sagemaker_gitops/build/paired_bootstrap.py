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

from sagemaker_gitops.project.retrain_config import Metric, RetrainConfig

Values = npt.NDArray[np.float64]

SEED = 20260101
# Weights of one block of draws: 32 MiB.
_BLOCK_VALUES = 1 << 22
_SMALLEST_PROBABILITY = 1e-15


@dataclass(frozen=True, kw_only=True)
class Answers:
    """What was true of each held-out row, and the probability that each model gave it."""

    truth: Values
    champion: Values
    challenger: Values

    @classmethod
    def of(cls, answers: Mapping[str, Sequence[float]]) -> Self:
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


def compare(answers: Answers, config: RetrainConfig) -> Evidence:
    """Weigh a challenger against the champion."""
    scores = [_METRICS[config.metric](answers.truth, given) for given in (answers.champion, answers.challenger)]
    once = np.ones((1, len(answers.truth)))
    champion, challenger = (float(score(once)[0]) for score in scores)
    sign = 1.0 if config.metric == "roc_auc" else -1.0
    draws = _draws(answers.truth, config.resamples)
    gains = sign * np.concatenate([scores[1](weights) - scores[0](weights) for weights in draws])
    lower, upper = np.quantile(gains, [1 - config.confidence, config.confidence])
    return Evidence(
        metric=config.metric,
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


def _draws(truth: Values, resamples: int) -> Iterator[Values]:
    """Draw positives and negatives apart, so that no draw is without one of them."""
    rng = np.random.default_rng(SEED)
    block = max(1, _BLOCK_VALUES // len(truth))
    classes = [np.flatnonzero(truth == value) for value in (0.0, 1.0)]
    for start in range(0, resamples, block):
        weights = np.zeros((min(block, resamples - start), len(truth)))
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
    return _mean_of((probability - truth) ** 2)


def _log_loss(truth: Values, probability: Values) -> Callable[[Values], Values]:
    given = np.clip(np.where(truth == 1, probability, 1 - probability), _SMALLEST_PROBABILITY, 1.0)
    return _mean_of(-np.log(given))


_METRICS: dict[Metric, Callable[[Values, Values], Callable[[Values], Values]]] = {
    "roc_auc": _area,
    "brier": _brier,
    "log_loss": _log_loss,
}
