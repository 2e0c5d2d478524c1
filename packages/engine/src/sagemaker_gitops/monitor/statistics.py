"""Distances between two distributions, and how likely they are under no drift at all.

On counts per distinct value each distance equals its textbook definition. On bins, `ks_error` and
`wasserstein_error` bound what the binning can hide.
"""

from collections.abc import Sequence
from math import erfc, exp, lgamma, log, pi, sqrt

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

# What an empty bin counts for in PSI, as in Evidently, so that its logarithm stays finite.
EMPTY_SHARE = 1e-4
# Below this expected count the chi-square distribution is a poor guide (Cochran 1954).
SMALLEST_EXPECTED = 5.0


def shares(counts: Counts) -> Values:
    """Turn counts into shares of their sum; no counts at all are shares of zero."""
    total = counts.sum()
    return counts / total if total else np.zeros(len(counts))


def psi(expected: Counts, actual: Counts) -> float:
    """Return the population stability index: the sum of (a - e) ln(a / e) over shares.

    Source: N. Siddiqi, Credit Risk Scorecards, Wiley 2006, ch. 13; it is Jeffreys' divergence.
    """
    reference, current = _filled(shares(expected)), _filled(shares(actual))
    return float(np.sum((current - reference) * np.log(current / reference)))


def kolmogorov_smirnov(expected: Counts, actual: Counts) -> float:
    """Return the two-sample KS statistic: the largest gap between the two cumulative distributions.

    Source: W. J. Conover, Practical Nonparametric Statistics, 3rd ed., Wiley 1999, section 6.3.
    """
    gaps = np.abs(np.cumsum(shares(expected)) - np.cumsum(shares(actual)))
    return float(gaps.max(initial=0.0))


def ks_error(expected: Counts, actual: Counts, *, single: npt.NDArray[np.bool_]) -> float:
    """Bound what binning hides from KS: the heaviest bin that is not a `single` value."""
    heaviest = np.maximum(shares(expected), shares(actual))[~single]
    return float(heaviest.max(initial=0.0))


def wasserstein(expected: Counts, actual: Counts, *, positions: Values) -> float:
    """Return the first Wasserstein distance: the area between the two cumulative distributions.

    `positions` places each bin on the axis, in the feature's unit; so is the result.
    Source: C. Villani, Optimal Transport, Springer 2009, ch. 6; SciPy's stats.wasserstein_distance.
    """
    gaps = np.abs(np.cumsum(shares(expected)) - np.cumsum(shares(actual)))
    return float(np.sum(gaps[:-1] * np.diff(positions)))


def wasserstein_error(expected: Counts, actual: Counts, *, widths: Values) -> float:
    """Bound what binning does to Wasserstein: each row sits at most half a bin from its position."""
    return float(np.sum((shares(expected) + shares(actual)) * widths) / 2)


def jensen_shannon(expected: Counts, actual: Counts) -> float:
    """Return the Jensen-Shannon distance: 0 for equal, sqrt(ln 2) for disjoint distributions.

    Source: J. Lin, IEEE Transactions on Information Theory 37(1), 1991; D. Endres, J. Schindelin,
    ibid. 49(7), 2003, for its root being a metric.
    """
    reference, current = shares(expected), shares(actual)
    middle = (reference + current) / 2
    divergence = (_relative_entropy(reference, middle) + _relative_entropy(current, middle)) / 2
    return float(np.sqrt(max(divergence, 0.0)))


def chi_square(expected: Counts, actual: Counts) -> tuple[float, int]:
    """Return Pearson's statistic of homogeneity, without Yates' correction, and its degrees of freedom.

    Source: W. G. Cochran, Biometrics 10(4), 1954.
    """
    table = np.stack([expected, actual]).astype(np.float64)
    table = table[:, table.sum(axis=0) > 0]
    if table.shape[1] < 2 or not table.sum(axis=1).all():
        return 0.0, 0
    independent = np.outer(table.sum(axis=1), table.sum(axis=0)) / table.sum()
    return float(((table - independent) ** 2 / independent).sum()), table.shape[1] - 1


def _filled(values: Values) -> Values:
    return np.where(values > 0, values, EMPTY_SHARE)


def _relative_entropy(values: Values, reference: Values) -> float:
    present = values > 0
    return float(np.sum(values[present] * np.log(values[present] / reference[present])))


def ks_p_value(statistic: float, *, expected: int, actual: int) -> float:
    """Return the probability of a KS statistic at least as large for samples of these sizes.

    Kolmogorov's limit with the small-sample correction of M. A. Stephens, Journal of the Royal
    Statistical Society B 32(1), 1970. With ties it is conservative.
    """
    if not expected or not actual:
        return 1.0
    root = sqrt(expected * actual / (expected + actual))
    return kolmogorov((root + 0.12 + 0.11 / root) * statistic)


def kolmogorov(x: float) -> float:
    """Return the probability that Kolmogorov's limit distribution exceeds x.

    Of its two series the one that converges at once: within rounding of SciPy's, whose import takes 0.18 s of CPU,
    where judging a million rows takes 0.5 s. Source: W. Feller, Annals of Mathematical Statistics 19(2), 1948.
    """
    if x <= 0:
        return 1.0
    if x < 1:
        inner = sum(exp(-(((2 * k - 1) * pi / x) ** 2) / 8) for k in range(1, 5))
        return 1.0 - sqrt(2 * pi) / x * inner
    return 2 * sum((1 if k % 2 else -1) * exp(-2 * (k * x) ** 2) for k in range(1, 6))


def chi_square_p_value(statistic: float, degrees: int) -> float:
    """Return the probability of a chi-square statistic at least as large."""
    if not degrees or statistic <= 0:
        return 1.0
    half = statistic / 2
    # Degrees are whole, so that the incomplete gamma function is a finite sum (Abramowitz, Stegun 26.4.4 and 26.4.5).
    powers = [k + degrees % 2 / 2 for k in range(degrees // 2)]
    tail = sum(exp(power * log(half) - half - lgamma(power + 1)) for power in powers)
    return float(min(1.0, tail + (erfc(sqrt(half)) if degrees % 2 else 0.0)))


def excess_p_value(found: int, *, total: int, allowed: float) -> float:
    """Return the probability of at least `found` of `total` rows where the true share is `allowed` (exact binomial)."""
    if not found or not total:
        return 1.0
    if allowed <= 0:
        return 0.0
    # Only a window in which something is amiss waits for SciPy's import.
    from scipy import special  # noqa: PLC0415

    return float(special.bdtrc(found - 1, total, min(allowed, 1.0)))


def normal_p_value(z: float) -> float:
    """Return the probability of a standard normal value at least as large."""
    return erfc(z / sqrt(2)) / 2


def psi_noise(bins: int, *, expected: int, actual: int) -> float:
    """Return what PSI is on average for two samples of one population.

    PSI / (1/n + 1/m) then follows a chi-square distribution with bins - 1 degrees of freedom.
    Source: B. Yurdakul, J. Naranjo, Journal of Risk Model Validation 14(4), 2020.
    """
    return (bins - 1) * (1 / expected + 1 / actual) if expected and actual else 0.0


def pool_rare(expected: Counts, actual: Counts) -> tuple[Counts, Counts]:
    """Add up the cells too rare for chi-square into one; order does not matter to the test."""
    total = expected.sum() + actual.sum()
    smaller = min(expected.sum(), actual.sum())
    rare = (expected + actual) * (smaller / total if total else 0) < SMALLEST_EXPECTED
    if not rare.any():
        return expected, actual
    pooled = [np.append(counts[~rare], counts[rare].sum()) for counts in (expected, actual)]
    return pooled[0], pooled[1]


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the chance of any false alarm among them stays at the level tested.

    Source: S. Holm, Scandinavian Journal of Statistics 6(2), 1979. It needs no independence.
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) - np.arange(len(p_values))
    stepped = np.maximum.accumulate(np.asarray(p_values, dtype=np.float64)[order] * factors)
    return _in_order(np.minimum(stepped, 1.0), order)


def benjamini_hochberg(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values so that the expected share of false alarms among all alarms stays at the level tested.

    Source: Y. Benjamini, Y. Hochberg, Journal of the Royal Statistical Society B 57(1), 1995.
    """
    order = np.argsort(p_values, kind="stable")
    factors = len(p_values) / (np.arange(len(p_values)) + 1)
    scaled = np.asarray(p_values, dtype=np.float64)[order] * factors
    stepped = np.minimum.accumulate(scaled[::-1])[::-1]
    return _in_order(np.minimum(stepped, 1.0), order)


def _in_order(adjusted: "np.typing.NDArray[np.float64]", order: "np.typing.NDArray[np.intp]") -> list[float]:
    result = np.empty(len(order))
    result[order] = adjusted
    return [float(value) for value in result]
