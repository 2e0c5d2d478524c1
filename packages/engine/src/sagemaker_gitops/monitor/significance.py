"""How likely a difference is under no drift at all, and how that holds for many features at once."""

from collections.abc import Sequence
from math import erfc, exp, lgamma, log, pi, sqrt

import numpy as np

from sagemaker_gitops.monitor.distances import Counts

# Below this expected count the chi-square distribution is a poor guide (Cochran 1954).
SMALLEST_EXPECTED = 5.0


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

    Of its two series the one that converges at once: within rounding of SciPy's, whose import takes as long as
    counting a million rows. Source: W. Feller, Annals of Mathematical Statistics 19(2), 1948.
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
