"""Distances between two distributions, given as counts over the same bins or categories.

On counts per distinct value each equals its textbook definition. On bins, `ks_error` and
`wasserstein_error` bound what the binning can hide.
"""

import numpy as np
import numpy.typing as npt

Counts = npt.NDArray[np.int64]
Values = npt.NDArray[np.float64]

# What an empty bin counts for in PSI, as in Evidently, so that its logarithm stays finite.
EMPTY_SHARE = 1e-4


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
