import numpy as np
import pytest
from sagemaker_gitops.monitor import statistics
from sagemaker_gitops.monitor.statistics import chi_square_p_value, kolmogorov, normal_p_value
from scipy import special, stats


def test_holm_and_hochberg_equal_the_textbook() -> None:
    """Both corrections give the published example's adjusted p-values."""
    p_values = [0.01, 0.04, 0.03, 0.005]

    assert statistics.holm(p_values) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert statistics.benjamini_hochberg(p_values) == pytest.approx(stats.false_discovery_control(p_values))


def test_ks_p_value_is_close_to_the_exact_one() -> None:
    """For the sizes that a window has, the limit differs from the exact probability by little."""
    rng = np.random.default_rng(1)
    for size in (100, 1000):
        exact = stats.ks_2samp(rng.normal(size=size), rng.normal(0.1, 1, size=size), method="exact")

        found = statistics.ks_p_value(exact.statistic, expected=size, actual=size)

        assert found == pytest.approx(exact.pvalue, rel=0.15)


def test_excess_p_value_is_the_exact_binomial_one() -> None:
    """The probability of at least so many bad rows is SciPy's one-sided binomial test."""
    found = statistics.excess_p_value(19, total=1000, allowed=0.01)

    assert found == pytest.approx(stats.binomtest(19, 1000, 0.01, alternative="greater").pvalue)


def test_one_row_is_enough_where_none_is_allowed() -> None:
    """A share of zero leaves nothing to chance."""
    assert statistics.excess_p_value(1, total=10**6, allowed=0) == 0
    assert statistics.excess_p_value(0, total=10**6, allowed=0) == 1


def test_psi_noise_is_what_samples_of_one_population_show() -> None:
    """The allowance is PSI's mean over many pairs of samples without any drift."""
    rng = np.random.default_rng(2)
    shares = np.full(10, 0.1)

    seen = []
    for _ in range(500):
        expected, actual = rng.multinomial(1500, shares) / 1500, rng.multinomial(2000, shares) / 2000
        seen.append(np.sum((actual - expected) * np.log(actual / expected)))

    assert np.mean(seen) == pytest.approx(statistics.psi_noise(10, expected=1500, actual=2000), rel=0.05)


def test_rare_cells_are_pooled_without_losing_a_row() -> None:
    """Cells too thin for chi-square become one; the sums stay."""
    expected, actual = np.array([500, 400, 2, 1, 1]), np.array([450, 440, 1, 3, 0])

    pooled = statistics.pool_rare(expected, actual)

    assert [counts.tolist() for counts in pooled] == [[500, 400, 4], [450, 440, 4]]


@pytest.mark.parametrize("degrees", [1, 2, 3, 9, 10, 101])
@pytest.mark.parametrize("statistic", [0.0, 1e-9, 0.5, 5.0, 50.0, 300.0])
def test_chi_square_p_value_equals_scipy(degrees: int, statistic: float) -> None:
    """The finite sum is SciPy's incomplete gamma function, for even and odd degrees, near and far."""
    expected = special.chdtrc(degrees, statistic)

    assert chi_square_p_value(statistic, degrees) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("x", [0.0, 1e-3, 0.05, 0.3, 0.8, 0.999, 1.0, 1.5, 3.0, 20.0])
def test_kolmogorov_equals_scipy(x: float) -> None:
    """On both sides of where the series change it is SciPy's."""
    assert kolmogorov(x) == pytest.approx(special.kolmogorov(x), rel=1e-12)


@pytest.mark.parametrize("z", [-8.0, -1.0, 0.0, 1.96, 8.0, 30.0])
def test_normal_p_value_equals_scipy(z: float) -> None:
    """Far out in the tail too."""
    assert normal_p_value(z) == pytest.approx(special.ndtr(-z), rel=1e-12)
