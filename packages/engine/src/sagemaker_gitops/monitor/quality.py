"""What ground truth and groups decide: model quality against the release's own figures, and bias between groups."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from sagemaker_gitops.monitor.baseline import Contract, ScoreBaseline
from sagemaker_gitops.monitor.checks import Finding, Subject
from sagemaker_gitops.monitor.statistics import Values, normal_p_value
from sagemaker_gitops.monitor.tally import Labelled
from sagemaker_gitops.project.monitor_config import Limits

CALIBRATION_BINS = 10
# Rates over fewer rows say nothing about a group.
SMALLEST_GROUP = 30
# Group -> (rows, rows with the favourable answer).
Rates = Mapping[str, tuple[int, int]]
Group = tuple[str, tuple[int, int]]


@dataclass(frozen=True, kw_only=True)
class Quality:
    """How good the answers were; None where no row decides it."""

    rows: int
    positives: int
    called_positive: int
    accuracy: float | None
    precision: float | None
    recall: float | None
    roc_auc: float | None
    brier: float | None
    calibration_gap: float | None
    calibration_error: float | None


def measure(labelled: Labelled) -> Quality:
    """Measure quality over distinct rows."""
    truth, predicted, probability = labelled.truth, labelled.predicted, labelled.probability
    return Quality(
        rows=len(truth),
        positives=int(truth.sum()),
        called_positive=int(predicted.sum()),
        accuracy=_mean(truth == predicted),
        precision=_mean(truth[predicted]),
        recall=_mean(predicted[truth]),
        roc_auc=roc_auc(truth, probability),
        brier=_mean((probability - truth) ** 2),
        calibration_gap=_mean(probability - truth),
        calibration_error=calibration_error(truth, probability),
    )


def roc_auc(truth: "np.typing.NDArray[np.bool_]", probability: Values) -> float | None:
    """Return the area under the ROC curve: how often a positive outranks a negative, ties counting half.

    Source: J. Hanley, B. McNeil, Radiology 143(1), 1982: it is the Mann-Whitney statistic.
    """
    positives = int(truth.sum())
    negatives = len(truth) - positives
    if not positives or not negatives:
        return None
    _, place, counts = np.unique(probability, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[place]
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def calibration_error(truth: "np.typing.NDArray[np.bool_]", probability: Values) -> float | None:
    """Return the expected calibration error over ten equal bins.

    Source: M. Naeini, G. Cooper, M. Hauskrecht, AAAI 2015.
    """
    if not len(truth):
        return None
    bins = np.minimum((probability * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=probability - truth, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(truth))


def quality_findings(baseline: ScoreBaseline, labelled: Labelled, limits: Limits) -> Iterator[Finding]:
    """Compare each figure with the release's, both taken as the samples that they are."""
    now = measure(labelled)
    positives, negatives = int(baseline.positive.sum()), int(baseline.negative.sum())
    sizes = {
        "accuracy": (now.accuracy, now.rows, positives + negatives),
        "precision": (now.precision, now.called_positive, baseline.labelled_positive),
        "recall": (now.recall, now.positives, positives),
    }
    for name, (value, rows, base_rows) in sizes.items():
        before = baseline.quality.get(name)
        if value is not None and before is not None:
            variance = _variance(value, rows) + _variance(before, base_rows)
            yield _loss(name, value, before, variance=variance, limit=limits.quality)
    before = baseline.quality.get("roc_auc")
    if now.roc_auc is not None and before is not None:
        variance = auc_variance(now.roc_auc, now.positives, now.rows - now.positives)
        variance += auc_variance(before, positives, negatives)
        yield _loss("roc_auc", now.roc_auc, before, variance=variance, limit=limits.quality)
    if now.rows:
        yield _calibration(labelled, limits)


def auc_variance(auc: float, positives: int, negatives: int) -> float:
    """Return the sampling variance of an area under the ROC curve (Hanley and McNeil 1982)."""
    if not positives or not negatives:
        return 1.0
    both_positive, both_negative = auc / (2 - auc), 2 * auc**2 / (1 + auc)
    spread = auc * (1 - auc)
    spread += (positives - 1) * (both_positive - auc**2) + (negatives - 1) * (both_negative - auc**2)
    return max(spread / (positives * negatives), 1e-12)


def _loss(name: str, value: float, before: float, *, variance: float, limit: float) -> Finding:
    loss = before - value
    return Finding(
        subject=Subject.QUALITY,
        feature="",
        check=name,
        metric=name,
        value=value,
        limit=before - limit,
        p_value=normal_p_value((loss - limit) / np.sqrt(variance)),
        material=loss > limit,
        description=f"{name} is {value:.4f}, the release's was {before:.4f}; it may fall by {limit:g}",
    )


def _calibration(labelled: Labelled, limits: Limits) -> Finding:
    """Compare what was predicted with what came, over all rows (D. Spiegelhalter, Statistics in Medicine 5, 1986)."""
    probability = labelled.probability
    gap = float(np.mean(probability - labelled.truth))
    variance = float(np.sum(probability * (1 - probability))) / len(probability) ** 2
    return Finding(
        subject=Subject.QUALITY,
        feature="",
        check="calibration",
        metric="calibration_gap",
        value=gap,
        limit=limits.calibration,
        p_value=2 * normal_p_value(max(abs(gap) - limits.calibration, 0.0) / np.sqrt(max(variance, 1e-12))),
        material=abs(gap) > limits.calibration,
        description=f"predicted and true share of positives differ by {gap:+.4f}; {limits.calibration:g} is allowed",
    )


def _variance(share: float, rows: int) -> float:
    # A. Agresti, B. Caffo, The American Statistician 54(4), 2000: two rows more keep the variance above zero.
    adjusted = (share * rows + 1) / (rows + 2)
    return adjusted * (1 - adjusted) / (rows + 2)


def _mean(values: "np.typing.NDArray[np.bool_] | Values") -> float | None:
    return float(values.mean()) if len(values) else None


def favourable_rates(groups: Mapping[str, list[int]]) -> Rates:
    """Return how often each group was answered favourably."""
    return {name: (rows, given) for name, (rows, given) in sorted(groups.items()) if rows >= SMALLEST_GROUP}


def deserved_rates(labelled: Mapping[str, Labelled], contract: Contract) -> Rates:
    """Return how often those of each group whose true label is favourable were answered so."""
    wanted = contract.favourable == contract.positive
    rates: dict[str, tuple[int, int]] = {}
    for group, answers in sorted(labelled.items()):
        deserving = answers.truth == wanted
        if group and deserving.sum() >= SMALLEST_GROUP:
            rates[group] = (int(deserving.sum()), int(np.count_nonzero(answers.predicted[deserving] == wanted)))
    return rates


def demographic_parity_difference(rates: Rates) -> float:
    """Return the largest gap between groups' rates of the favourable answer.

    Source: C. Dwork and others, Fairness Through Awareness, ITCS 2012.
    """
    shares = [_share(rate) for rate in rates.values()]
    return max(shares) - min(shares) if shares else 0.0


def disparate_impact_ratio(rates: Rates) -> float:
    """Return the smallest group's rate over the largest: the four-fifths rule, 29 CFR 1607.4 D."""
    shares = [_share(rate) for rate in rates.values()]
    highest = max(shares, default=0.0)
    return min(shares) / highest if highest else 1.0


def bias_findings(given: Rates, deserved: Rates, limits: Limits) -> Iterator[Finding]:
    """Compare all pairs of groups: disparate impact, and equal opportunity where truth is known.

    Equal opportunity: M. Hardt, E. Price, N. Srebro, NeurIPS 2016.
    """
    for pair in combinations(sorted(given.items(), key=lambda item: _share(item[1])), 2):
        yield _disparate_impact(*pair, limit=limits.disparate_impact)
    for pair in combinations(sorted(deserved.items(), key=lambda item: _share(item[1])), 2):
        yield _equal_opportunity(*pair, limit=limits.equal_opportunity)


def _disparate_impact(worse: Group, better: Group, *, limit: float) -> Finding:
    low, high = _adjusted(worse[1]), _adjusted(better[1])
    ratio = _share(worse[1]) / _share(better[1]) if better[1][1] else 1.0
    # The log of a ratio of rates is near normal: D. Katz and others, Biometrics 34(3), 1978.
    error = np.sqrt((1 - low) / (low * (worse[1][0] + 2)) + (1 - high) / (high * (better[1][0] + 2)))
    finding = _finding(
        "disparate_impact", (worse[0], better[0]), value=ratio, limit=limit, z=np.log(limit * high / low) / error
    )
    return replace(finding, material=ratio < limit)


def _equal_opportunity(worse: Group, better: Group, *, limit: float) -> Finding:
    gap = _share(better[1]) - _share(worse[1])
    variance = sum(_adjusted(rate) * (1 - _adjusted(rate)) / (rate[0] + 2) for _, rate in (worse, better))
    return _finding(
        "equal_opportunity", (worse[0], better[0]), value=gap, limit=limit, z=(gap - limit) / np.sqrt(variance)
    )


def _finding(name: str, groups: tuple[str, str], *, value: float, limit: float, z: float) -> Finding:
    words, (worse, better) = name.replace("_", " "), groups
    return Finding(
        subject=Subject.BIAS,
        feature="",
        check=name,
        metric=f"{name}/{worse}/{better}",
        value=value,
        limit=limit,
        p_value=normal_p_value(float(z)),
        material=value > limit,
        description=f"{words} of group {worse!r} against {better!r} is {value:.3f}; the threshold is {limit:g}",
    )


def _share(rate: tuple[int, int]) -> float:
    return rate[1] / rate[0]


def _adjusted(rate: tuple[int, int]) -> float:
    return (rate[1] + 1) / (rate[0] + 2)
