"""The paired bootstrap finds a better model, and does not believe in luck."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest
from sagemaker_gitops.build.paired_bootstrap import Answers, compare
from sagemaker_gitops.project.retrain_config import Metric, RetrainConfig, Task
from sklearn.metrics import (
    accuracy_score,
    brier_score_loss,
    f1_score,
    log_loss,
    mean_absolute_error,
    r2_score,
    roc_auc_score,
    root_mean_squared_error,
)

ROWS = 800


def _answers(*, gain: float, seed: int = 1, rows: int = ROWS) -> Answers:
    rng = np.random.default_rng(seed)
    truth = (rng.random(rows) < 0.2).astype(np.float64)
    signal = truth + rng.normal(0, 1, rows)

    def given(strength: float) -> npt.NDArray[np.float64]:
        return 1 / (1 + np.exp(-(strength * signal - 1 + rng.normal(0, 0.3, rows))))

    return Answers(truth=truth, champion=given(0.5), challenger=given(0.5 + gain))


def _better() -> Answers:
    worse = _answers(gain=0)
    return Answers(truth=worse.truth, champion=worse.champion, challenger=0.3 * worse.truth + 0.7 * worse.champion)


@pytest.mark.parametrize(
    ("metric", "reference"), [("roc_auc", roc_auc_score), ("brier", brier_score_loss), ("log_loss", log_loss)]
)
def test_metrics_are_scikit_learns(metric: Metric, reference: object) -> None:
    """On the rows as they are, with ties among the scores, the figures are the well-known ones."""
    answers = _answers(gain=0.2)
    rounded = Answers(truth=answers.truth, champion=answers.champion.round(1), challenger=answers.challenger.round(2))

    evidence = compare(rounded, RetrainConfig(metric=metric, resamples=200))

    assert callable(reference)
    assert evidence.champion == pytest.approx(reference(rounded.truth, rounded.champion))
    assert evidence.challenger == pytest.approx(reference(rounded.truth, rounded.challenger))


def _three_classes(*, gain: float, rows: int = ROWS) -> Answers:
    rng = np.random.default_rng(4)
    truth = rng.choice(3, rows, p=(0.6, 0.3, 0.1))
    signal, noise = np.eye(3)[truth], rng.normal(0, 1, (rows, 3))

    def given(strength: float) -> npt.NDArray[np.float64]:
        raw = np.exp(strength * signal + noise)
        return np.asarray(raw / raw.sum(axis=1, keepdims=True), dtype=np.float64)

    return Answers(truth=truth.astype(np.float64), champion=given(1), challenger=given(1 + gain))


def _values(*, gain: float, rows: int = ROWS) -> Answers:
    rng = np.random.default_rng(9)
    truth = rng.gamma(3, 40, rows)
    champion = truth + rng.normal(0, 30, rows)
    return Answers(truth=truth, champion=champion, challenger=champion + gain * (truth - champion))


@pytest.mark.parametrize(
    ("metric", "reference"),
    [
        ("log_loss", log_loss),
        ("accuracy", lambda truth, given: accuracy_score(truth, given.argmax(axis=1))),
        ("macro_f1", lambda truth, given: f1_score(truth, given.argmax(axis=1), average="macro")),
        ("brier", lambda truth, given: ((np.eye(3)[truth.astype(int)] - given) ** 2).sum(axis=1).mean()),
    ],
)
def test_metrics_of_more_classes_are_scikit_learns(metric: Metric, reference: Callable[..., float]) -> None:
    """Each is what the field computes, of both models."""
    answers = _three_classes(gain=0.5)

    evidence = compare(answers, RetrainConfig(metric=metric, resamples=200), "multiclass")

    assert evidence.champion == pytest.approx(reference(answers.truth, answers.champion))
    assert evidence.challenger == pytest.approx(reference(answers.truth, answers.challenger))
    assert evidence.difference > 0


@pytest.mark.parametrize(
    ("metric", "reference"), [("mae", mean_absolute_error), ("rmse", root_mean_squared_error), ("r2", r2_score)]
)
def test_metrics_of_values_are_scikit_learns(metric: Metric, reference: Callable[..., float]) -> None:
    """Each is what the field computes, and a smaller error is a gain whichever way the metric points."""
    answers = _values(gain=0.2)

    evidence = compare(answers, RetrainConfig(metric=metric, resamples=200), "regression")

    assert evidence.champion == pytest.approx(reference(answers.truth, answers.champion))
    assert evidence.challenger == pytest.approx(reference(answers.truth, answers.challenger))
    assert evidence.difference > 0


@pytest.mark.parametrize(
    ("answers", "task", "metric"),
    [(_three_classes(gain=1.0), "multiclass", "log_loss"), (_values(gain=0.5), "regression", "mae")],
)
def test_each_task_has_a_metric_of_its_own(answers: Answers, task: Task, metric: Metric) -> None:
    """Where none is named the task decides: a better model wins, and the same model does not."""
    same = Answers(truth=answers.truth, champion=answers.champion, challenger=answers.champion)

    assert compare(answers, RetrainConfig(), task).metric == metric
    assert compare(answers, RetrainConfig(), task).won
    assert not compare(same, RetrainConfig(), task).won


def test_weighted_area_is_that_of_the_rows_drawn() -> None:
    """The spread is that of a plain bootstrap, which draws rows and scores them one draw at a time."""
    answers = _answers(gain=0.3, rows=200)
    rng = np.random.default_rng(5)
    sides = [np.flatnonzero(answers.truth == value) for value in (0, 1)]
    plain = []
    for _ in range(500):
        rows = np.concatenate([rng.choice(side, len(side)) for side in sides])
        scores = [roc_auc_score(answers.truth[rows], given[rows]) for given in (answers.champion, answers.challenger)]
        plain.append(scores[1] - scores[0])

    evidence = compare(answers, RetrainConfig(resamples=20_000))

    assert evidence.lower == pytest.approx(np.quantile(plain, 0.05), abs=0.006)
    assert evidence.upper == pytest.approx(np.quantile(plain, 0.95), abs=0.006)


@pytest.mark.parametrize("metric", ["roc_auc", "brier", "log_loss"])
def test_clearly_better_challenger_wins(metric: Metric) -> None:
    """Whatever the metric, better is positive."""
    assert compare(_better(), RetrainConfig(metric=metric, resamples=500)).won


def test_better_by_less_than_the_margin_does_not_win() -> None:
    """A gain that is sure, but small, is not worth a release."""
    answers = _better()
    without = compare(answers, RetrainConfig(resamples=2000))

    with_margin = compare(answers, RetrainConfig(resamples=2000, margin=without.difference))

    assert without.won
    assert not with_margin.won


def test_identical_models_never_win() -> None:
    """No difference is no improvement."""
    answers = _answers(gain=0)
    same = Answers(truth=answers.truth, champion=answers.champion, challenger=answers.champion)

    evidence = compare(same, RetrainConfig(resamples=500))

    assert not evidence.won
    assert (evidence.difference, evidence.lower, evidence.upper) == (0, 0, 0)


def test_equal_models_win_no_oftener_than_the_confidence_allows() -> None:
    """Among 200 challengers that are as good as the champion, about one in twenty passes at 95 %."""
    config = RetrainConfig(resamples=400)

    wins = sum(compare(_answers(gain=0, seed=seed, rows=400), config).won for seed in range(200))

    assert wins <= 20  # 10 expected; more than 20 has a probability of about 0.001


def test_same_answers_give_the_same_verdict() -> None:
    """A verdict can be repeated."""
    answers = _answers(gain=0.2)

    assert compare(answers, RetrainConfig()) == compare(answers, RetrainConfig())
