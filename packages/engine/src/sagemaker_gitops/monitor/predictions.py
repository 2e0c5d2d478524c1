"""Prediction drift: what the release answers now, against what it answered on its test split."""

from collections.abc import Iterator

import numpy as np

from sagemaker_gitops.monitor import distances, significance
from sagemaker_gitops.monitor.baseline import ScoreBaseline
from sagemaker_gitops.monitor.distances import Counts
from sagemaker_gitops.monitor.finding import Finding, Subject
from sagemaker_gitops.monitor.tally import ScoreTally
from sagemaker_gitops.project.monitor_config import Limits

# A bin of scores holds at least this share of the baseline's answers.
_SMALLEST_BIN = 0.05


def prediction_findings(baseline: ScoreBaseline, tally: ScoreTally, limits: Limits) -> Iterator[Finding]:
    """Compare the probabilities and the share of positive labels."""
    if tally.rows:
        starts = _bin_starts(baseline.counts)
        yield _finding(
            "probability", np.add.reduceat(baseline.counts, starts), np.add.reduceat(tally.counts, starts), limits
        )
        yield _finding(
            "label",
            _split(baseline.labelled_positive, baseline.rows),
            _split(tally.labelled_positive, tally.rows),
            limits,
        )


def confidence(edges: distances.Values, counts: Counts) -> float:
    """Return the mean of max(p, 1 - p), each answer placed in the middle of its bin; half a bin exact."""
    middles = (edges[:-1] + edges[1:]) / 2
    return float(np.maximum(middles, 1 - middles) @ distances.shares(counts))


def positive_rate(tally: ScoreTally) -> float:
    """Return the share of rows that were answered with the positive label."""
    return tally.labelled_positive / tally.rows if tally.rows else 0.0


def _split(positive: int, rows: int) -> Counts:
    return np.array([rows - positive, positive], dtype=np.int64)


def _bin_starts(counts: Counts) -> list[int]:
    """Join neighbouring bins until each holds enough of the baseline."""
    starts, held = [0], 0
    for index, count in enumerate(counts):
        if held >= counts.sum() * _SMALLEST_BIN and counts[index:].sum() >= counts.sum() * _SMALLEST_BIN:
            starts.append(index)
            held = 0
        held += int(count)
    return starts


def _finding(name: str, expected: Counts, actual: Counts, limits: Limits) -> Finding:
    psi = distances.psi(expected, actual)
    noise = significance.psi_noise(len(expected), expected=int(expected.sum()), actual=int(actual.sum()))
    statistic, degrees = distances.chi_square(*significance.pool_rare(expected, actual))
    return Finding(
        subject=Subject.PREDICTION,
        feature=f"prediction.{name}",
        check="baseline_drift_check",
        metric="psi/chi_square",
        value=psi,
        limit=limits.psi,
        p_value=significance.chi_square_p_value(statistic, degrees),
        material=psi - noise >= limits.psi,
        description=f"PSI {psi:.3f}, of which {noise:.3f} is sampling noise; the limit is {limits.psi:g}",
    )
