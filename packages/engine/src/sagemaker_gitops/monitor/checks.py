"""Data quality and drift: features and predictions, baseline against window."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np

from sagemaker_gitops.monitor import statistics
from sagemaker_gitops.monitor.baseline import Baseline, CategoryBaseline, NumberBaseline, ScoreBaseline
from sagemaker_gitops.monitor.statistics import Counts
from sagemaker_gitops.monitor.tally import CategoryTally, NumberTally, ScoreTally, Tally
from sagemaker_gitops.project.monitor_config import Limits

# A bin of scores holds at least this share of the baseline's answers.
_SMALLEST_BIN = 0.05


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


@dataclass(frozen=True, kw_only=True)
class Distance:
    """How far a feature moved; `excess_psi` is PSI less what sampling alone makes of it.

    `ks` and `wasserstein` (in standard deviations of the baseline) are None for categories; their errors bound
    what binning can hide. All other figures are exact for the bins that they name.
    """

    psi: float
    excess_psi: float
    jensen_shannon: float
    chi_square: float
    chi_square_p: float
    ks: float | None = None
    ks_p: float | None = None
    ks_error: float | None = None
    wasserstein: float | None = None
    wasserstein_error: float | None = None


def number_distance(baseline: NumberBaseline, tally: NumberTally) -> Distance:
    """Compare a numeric feature: PSI over ten quantile bins, KS and Wasserstein over fine ones."""
    expected, actual, bins = baseline.counts, tally.counts, baseline.bins
    coarse = bins.coarsen(expected), bins.coarsen(actual)
    ks = statistics.kolmogorov_smirnov(expected, actual)
    middles, widths = bins.spread(low=min(baseline.low, tally.low), high=max(baseline.high, tally.high))
    unit = max(baseline.deviation, 1e-12)
    sizes = int(expected.sum()), int(actual.sum())
    return Distance(
        **_common(*coarse),
        ks=ks,
        ks_p=statistics.ks_p_value(ks, expected=sizes[0], actual=sizes[1]),
        ks_error=statistics.ks_error(expected, actual, single=bins.single),
        wasserstein=statistics.wasserstein(expected, actual, positions=middles) / unit,
        wasserstein_error=statistics.wasserstein_error(expected, actual, widths=widths) / unit,
    )


def category_distance(baseline: CategoryBaseline, tally: CategoryTally) -> Distance:
    """Compare a categorical feature; all unknown names together are one more category."""
    expected = np.append(baseline.counts, 0)
    actual = np.append(tally.counts, tally.unknown)
    seen = (expected + actual) > 0
    return Distance(**_common(expected[seen], actual[seen]))


def _common(expected: Counts, actual: Counts) -> dict[str, float]:
    psi = statistics.psi(expected, actual)
    noise = statistics.psi_noise(len(expected), expected=int(expected.sum()), actual=int(actual.sum()))
    statistic, degrees = statistics.chi_square(*statistics.pool_rare(expected, actual))
    return {
        "psi": psi,
        "excess_psi": psi - noise,
        "jensen_shannon": statistics.jensen_shannon(expected, actual),
        "chi_square": statistic,
        "chi_square_p": statistics.chi_square_p_value(statistic, degrees),
    }


def feature_distances(baseline: Baseline, tally: Tally) -> dict[str, Distance]:
    """Compare every feature that the window holds at all."""
    found = {}
    for feature in baseline.contract.features:
        name = feature.name
        if name in tally.numbers and tally.numbers[name].present:
            found[name] = number_distance(baseline.numbers[name], tally.numbers[name])
        elif name in tally.categories and tally.categories[name].present:
            found[name] = category_distance(baseline.categories[name], tally.categories[name])
    return found


def drift_findings(found: dict[str, Distance], limits: Limits) -> Iterator[Finding]:
    """Say which features drifted: significant by KS or chi-square, and material by PSI."""
    for name, distance in found.items():
        tests = [distance.chi_square_p] if distance.ks_p is None else [distance.chi_square_p, distance.ks_p]
        yield Finding(
            subject=Subject.DRIFT,
            feature=name,
            check="baseline_drift_check",
            metric="psi",
            value=distance.psi,
            limit=limits.psi,
            # Bonferroni: the better of two tests had two chances.
            p_value=min(1.0, len(tests) * min(tests)),
            material=distance.excess_psi >= limits.psi,
            description=f"PSI {distance.psi:.3f}, of which {distance.psi - distance.excess_psi:.3f} is "
            f"sampling noise; the threshold is {limits.psi:g}",
        )


def data_findings(baseline: Baseline, tally: Tally, limits: Limits) -> Iterator[Finding]:
    """Say which features miss values, hold the wrong type, leave their range or show new categories."""
    reading = tally.reading
    known: dict[str, NumberBaseline | CategoryBaseline] = {**baseline.numbers, **baseline.categories}
    counted: dict[str, NumberTally | CategoryTally] = {**tally.numbers, **tally.categories}
    for name, one in counted.items():
        allowed = 1 - known[name].completeness + limits.missing
        absent = reading.absent_columns.get(name, 0)
        yield _excess(name, "completeness_check", "missing", one.missing - absent, one.rows, allowed)
        yield _excess(name, "missing_column_check", "absent", absent, one.rows, allowed)
        yield _excess(name, "data_type_check", "invalid", one.invalid, one.rows, limits.invalid)
        if isinstance(one, NumberTally):
            yield _excess(name, "range_check", "outside_range", one.outside, one.present, limits.outside_range)
        else:
            yield _new_categories(name, one, limits)
    for name, rows in reading.extra_columns.items():
        yield _excess(name, "extra_column_check", "extra", rows, reading.rows, limits.invalid)


def _new_categories(name: str, tally: CategoryTally, limits: Limits) -> Finding:
    found = _excess(name, "categorical_values_check", "new_category", tally.unknown, tally.present, limits.new_category)
    named = ", ".join(repr(label) for label in list(tally.names)[:5])
    return replace(found, description=f"{found.description}: {named}") if named else found


def _excess(name: str, check: str, metric: str, found: int, total: int, allowed: float) -> Finding:
    share = found / total if total else 0.0
    return Finding(
        subject=Subject.DATA,
        feature=name,
        check=check,
        metric=metric,
        value=share,
        limit=allowed,
        p_value=statistics.excess_p_value(found, total=total, allowed=allowed),
        material=share > allowed,
        description=f"{found} of {total} rows ({share:.2%}); at most {allowed:.2%} are allowed",
    )


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


def confidence(edges: statistics.Values, counts: Counts) -> float:
    """Return the mean of max(p, 1 - p), each answer placed in the middle of its bin; half a bin exact."""
    middles = (edges[:-1] + edges[1:]) / 2
    return float(np.maximum(middles, 1 - middles) @ statistics.shares(counts))


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
    psi = statistics.psi(expected, actual)
    noise = statistics.psi_noise(len(expected), expected=int(expected.sum()), actual=int(actual.sum()))
    statistic, degrees = statistics.chi_square(*statistics.pool_rare(expected, actual))
    return Finding(
        subject=Subject.PREDICTION,
        feature=f"prediction.{name}",
        check="baseline_drift_check",
        metric="psi/chi_square",
        value=psi,
        limit=limits.psi,
        p_value=statistics.chi_square_p_value(statistic, degrees),
        material=psi - noise >= limits.psi,
        description=f"PSI {psi:.3f}, of which {noise:.3f} is sampling noise; the threshold is {limits.psi:g}",
    )
