"""Data quality and drift, feature by feature: baseline against window."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np

from sagemaker_gitops.monitor import distances, significance
from sagemaker_gitops.monitor.baseline import Baseline, CategoryBaseline, NumberBaseline
from sagemaker_gitops.monitor.distances import Counts
from sagemaker_gitops.monitor.finding import Finding, Subject
from sagemaker_gitops.monitor.tally import CategoryTally, NumberTally, Tally
from sagemaker_gitops.project.monitor_config import Limits


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
    ks = distances.kolmogorov_smirnov(expected, actual)
    middles, widths = bins.spread(low=min(baseline.low, tally.low), high=max(baseline.high, tally.high))
    unit = max(baseline.deviation, 1e-12)
    sizes = int(expected.sum()), int(actual.sum())
    return Distance(
        **_common(*coarse),
        ks=ks,
        ks_p=significance.ks_p_value(ks, expected=sizes[0], actual=sizes[1]),
        ks_error=distances.ks_error(expected, actual, single=bins.single),
        wasserstein=distances.wasserstein(expected, actual, positions=middles) / unit,
        wasserstein_error=distances.wasserstein_error(expected, actual, widths=widths) / unit,
    )


def category_distance(baseline: CategoryBaseline, tally: CategoryTally) -> Distance:
    """Compare a categorical feature; all unknown names together are one more category."""
    expected = np.append(baseline.counts, 0)
    actual = np.append(tally.counts, tally.unknown)
    seen = (expected + actual) > 0
    return Distance(**_common(expected[seen], actual[seen]))


def _common(expected: Counts, actual: Counts) -> dict[str, float]:
    psi = distances.psi(expected, actual)
    noise = significance.psi_noise(len(expected), expected=int(expected.sum()), actual=int(actual.sum()))
    statistic, degrees = distances.chi_square(*significance.pool_rare(expected, actual))
    return {
        "psi": psi,
        "excess_psi": psi - noise,
        "jensen_shannon": distances.jensen_shannon(expected, actual),
        "chi_square": statistic,
        "chi_square_p": significance.chi_square_p_value(statistic, degrees),
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
            f"sampling noise; the limit is {limits.psi:g}",
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
        p_value=significance.excess_p_value(found, total=total, allowed=allowed),
        material=share > allowed,
        description=f"{found} of {total} rows ({share:.2%}); at most {allowed:.2%} are allowed",
    )
