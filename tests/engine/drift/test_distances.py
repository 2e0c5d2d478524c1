import numpy as np
import pytest
from sagemaker_gitops.monitor import statistics
from scipy import stats
from scipy.spatial import distance

SIZES = [(50, 70), (500, 400), (2000, 3000)]
EXACT = 1e-9


def two_samples(sizes: tuple[int, int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Draw two samples of few distinct values, the second shifted."""
    rng = np.random.default_rng(seed)
    return np.round(rng.normal(0, 1, sizes[0]), 1), np.round(rng.normal(0.2, 1.3, sizes[1]), 1)


def counted(first: np.ndarray, second: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Count both samples by distinct value."""
    values = np.unique(np.concatenate([first, second]))
    return (
        values,
        np.array([np.count_nonzero(first == value) for value in values]),
        np.array([np.count_nonzero(second == value) for value in values]),
    )


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_ks_equals_scipy(sizes: tuple[int, int]) -> None:
    """Over distinct values KS is the two-sample statistic itself."""
    first, second = two_samples(sizes)
    _, expected, actual = counted(first, second)

    found = statistics.kolmogorov_smirnov(expected, actual)

    assert found == pytest.approx(stats.ks_2samp(first, second).statistic, abs=EXACT)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_wasserstein_equals_scipy(sizes: tuple[int, int]) -> None:
    """Over distinct values Wasserstein is the distance of the samples themselves."""
    first, second = two_samples(sizes)
    values, expected, actual = counted(first, second)

    found = statistics.wasserstein(expected, actual, positions=values)

    assert found == pytest.approx(stats.wasserstein_distance(first, second), abs=EXACT)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_jensen_shannon_equals_scipy(sizes: tuple[int, int]) -> None:
    """Jensen-Shannon is SciPy's distance, categories of one sample only included."""
    _, expected, actual = counted(*two_samples(sizes))

    found = statistics.jensen_shannon(expected, actual)

    assert found == pytest.approx(distance.jensenshannon(expected / expected.sum(), actual / actual.sum()), abs=EXACT)


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_chi_square_equals_scipy(sizes: tuple[int, int]) -> None:
    """Chi-square and its degrees of freedom are those of SciPy's contingency table without Yates."""
    _, expected, actual = counted(*two_samples(sizes))

    statistic, degrees = statistics.chi_square(expected, actual)

    reference = stats.chi2_contingency(np.stack([expected, actual]), correction=False)
    assert statistic == pytest.approx(reference.statistic, rel=EXACT)
    assert degrees == reference.dof


@pytest.mark.parametrize("sizes", SIZES, ids=str)
def test_psi_equals_the_sum_that_evidently_takes(sizes: tuple[int, int]) -> None:
    """PSI is the sum over shares, an empty bin counting as one in ten thousand."""
    _, expected, actual = counted(*two_samples(sizes))

    found = statistics.psi(expected, actual)

    before, now = expected / expected.sum(), actual / actual.sum()
    np.place(before, before == 0, 0.0001)
    np.place(now, now == 0, 0.0001)
    assert found == pytest.approx(np.sum((before - now) * np.log(before / now)), abs=EXACT)


def test_equal_distributions_have_no_distance() -> None:
    """A sample twice as large but of the same shares is at distance zero."""
    expected = np.array([10, 20, 30])

    assert statistics.psi(expected, expected * 2) == pytest.approx(0)
    assert statistics.kolmogorov_smirnov(expected, expected * 2) == pytest.approx(0)
    assert statistics.jensen_shannon(expected, expected * 2) == pytest.approx(0, abs=1e-7)
    assert statistics.chi_square(expected, expected * 2)[0] == pytest.approx(0)


def test_disjoint_distributions_are_as_far_as_can_be() -> None:
    """Where no category is shared, KS of ordered bins is one and Jensen-Shannon the root of ln 2."""
    expected, actual = np.array([7, 0]), np.array([0, 9])

    assert statistics.kolmogorov_smirnov(expected, actual) == 1
    assert statistics.jensen_shannon(expected, actual) == pytest.approx(np.sqrt(np.log(2)))


def test_an_empty_sample_is_no_error() -> None:
    """Without rows there is nothing to compare, and no division by zero."""
    expected, actual = np.array([3, 4]), np.array([0, 0])

    assert statistics.chi_square(expected, actual) == (0.0, 0)
    assert np.isfinite(statistics.psi(expected, actual))
