import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sagemaker_gitops.monitor import statistics
from sagemaker_gitops.monitor.bins import COARSE_BINS, Grid, choose_bins, expand
from scipy import stats
from tests.engine.drift.worlds import World


def test_a_sketch_expands_to_weighted_values() -> None:
    """A value in list number h of a KLL sketch stands for 2**h rows."""
    values, weights = expand([[5.0, 1.0], [], [2.0, 1.0]])

    assert values.tolist() == [1.0, 2.0, 5.0]
    assert weights.tolist() == [5, 4, 1]


def test_coarse_bins_hold_a_tenth_each() -> None:
    """On continuous values PSI's bins are deciles."""
    values = np.sort(np.random.default_rng(0).normal(size=10_000))

    bins = choose_bins(values, np.ones(len(values), dtype=np.int64))
    counts = bins.coarsen(bins.count(values))

    assert len(counts) == COARSE_BINS
    assert np.abs(counts - 1000).max() <= 1


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300),
    st.lists(st.floats(-2e6, 2e6), max_size=300),
)
def test_every_value_falls_into_exactly_one_bin(baseline: list[float], window: list[float]) -> None:
    """No value, however odd its baseline, is lost or counted twice, fine or coarse."""
    values, counts = np.unique(np.array(baseline), return_counts=True)

    bins = choose_bins(values, counts)
    found = bins.count(np.array(window))

    assert found.sum() == len(window)
    assert bins.coarsen(found).sum() == len(window)
    assert np.all(np.diff(bins.edges) > 0)


FINITE = st.floats(allow_nan=False, allow_infinity=False)


@settings(max_examples=300, deadline=None)
@given(st.lists(FINITE, min_size=1, max_size=300, unique=True), st.lists(FINITE, max_size=100))
def test_the_grid_finds_what_a_binary_search_finds(raw: list[float], values: list[float]) -> None:
    """Over any edges it lies on, and for the edges themselves and their neighbours too."""
    edges = np.unique(np.array(raw))
    grid = Grid.over(edges)
    with np.errstate(over="ignore"):
        sought = np.concatenate([values, edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)])
    sought = sought[np.isfinite(sought)]

    if grid is not None:
        assert grid.search(sought).tolist() == np.searchsorted(edges, sought).tolist()


@pytest.mark.parametrize("draw", ["normal", "lognormal", "pareto"])
def test_common_shapes_get_a_grid(draw: str) -> None:
    """Even edges that span many orders of magnitude are found fast, and right."""
    rng = np.random.default_rng(0)
    sample = {"normal": rng.normal(0, 5, 9999), "lognormal": rng.lognormal(0, 3, 9999), "pareto": rng.pareto(1, 9999)}
    values, weights = np.unique(sample[draw], return_counts=True)
    edges = choose_bins(values, weights).edges

    grid = Grid.over(edges)

    assert grid is not None
    assert grid.search(sample[draw]).tolist() == np.searchsorted(edges, sample[draw]).tolist()


def test_real_features_get_a_grid(world: World) -> None:
    """The edges of the project's own features are even enough for the fast way."""
    assert all(Grid.over(number.bins.edges) for number in world.baseline.numbers.values())


@pytest.mark.parametrize("seed", range(5))
def test_binned_ks_and_wasserstein_stay_within_their_bounds(seed: int) -> None:
    """On continuous values the binned distances differ from SciPy's by no more than is said."""
    rng = np.random.default_rng(seed)
    baseline, window = rng.gamma(2, 1, 5000), rng.gamma(2, 1.2, 3000)
    values, weights = np.unique(baseline, return_counts=True)
    bins = choose_bins(values, weights)
    expected, actual = bins.count(baseline), bins.count(window)

    ks = statistics.kolmogorov_smirnov(expected, actual)
    low, high = min(baseline.min(), window.min()), max(baseline.max(), window.max())
    middles, widths = bins.spread(low=low, high=high)
    shift = statistics.wasserstein(expected, actual, positions=middles)

    exact = stats.ks_2samp(baseline, window).statistic
    assert -1e-12 <= exact - ks <= statistics.ks_error(expected, actual, single=bins.single)
    wanted = stats.wasserstein_distance(baseline, window)
    assert abs(shift - wanted) <= statistics.wasserstein_error(expected, actual, widths=widths)
    assert abs(shift - wanted) < 0.01


def test_values_that_repeat_are_compared_exactly() -> None:
    """Where the baseline has few distinct values each has a bin of its own, and KS is exact."""
    rng = np.random.default_rng(3)
    baseline, window = rng.integers(0, 20, 4000) / 4, rng.integers(2, 23, 3000) / 4
    values, weights = np.unique(baseline, return_counts=True)
    bins = choose_bins(values, weights)

    ks = statistics.kolmogorov_smirnov(bins.count(baseline), bins.count(window))

    assert ks == pytest.approx(stats.ks_2samp(baseline, window).statistic, abs=1e-9)
