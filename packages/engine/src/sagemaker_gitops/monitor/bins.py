"""The bins that a numeric feature is counted in, chosen from its baseline alone."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from sagemaker_gitops.monitor.distances import Counts, Values
from sagemaker_gitops.monitor.grid import Grid

# Fine bins carry KS and Wasserstein, coarse ones PSI: ten, as is the custom in credit scoring.
FINE_BINS = 256
COARSE_BINS = 10
# Where bins are widest a few more cuts keep Wasserstein near the truth.
_TAILS = np.array([1 / 512, 1 / 1024, 1 / 2048, 1 / 4096])


@dataclass(frozen=True, kw_only=True)
class Bins:
    """Bin i holds the values v with edges[i-1] < v <= edges[i]; the first and the last are open."""

    edges: Values
    # The first fine bin of every coarse one.
    coarse: npt.NDArray[np.intp]

    def __len__(self) -> int:
        return len(self.edges) + 1

    @cached_property
    def _grid(self) -> Grid | None:
        return Grid.over(self.edges)

    def count(self, values: Values) -> Counts:
        """Count values by bin; NaN is not allowed."""
        grid = self._grid
        found = np.searchsorted(self.edges, values) if grid is None else grid.search(values)
        return np.bincount(found, minlength=len(self))

    def coarsen(self, counts: Counts) -> Counts:
        """Add fine counts up to coarse ones."""
        return np.add.reduceat(counts, self.coarse)

    @property
    def single(self) -> npt.NDArray[np.bool_]:
        """Tell which bins can hold one value only."""
        inner = np.nextafter(self.edges[1:], -np.inf) == self.edges[:-1]
        return np.concatenate([[False], inner, [False]])

    def spread(self, *, low: float, high: float) -> tuple[Values, Values]:
        """Return each bin's middle and width, the open ones closed by the lowest and highest value seen."""
        ends = np.concatenate([[min(low, self.edges[0])], self.edges, [max(high, self.edges[-1])]])
        widths = np.diff(ends)
        middles = np.where(self.single, ends[1:], ends[:-1] + widths / 2)
        return middles, np.where(self.single, 0.0, widths)


def expand(levels: Sequence[Sequence[float]]) -> tuple[Values, Counts]:
    """Turn a KLL sketch into sorted values and their weights: level h stands for 2**h rows a value.

    Source: Z. Karnin, K. Lang, E. Liberty, Optimal Quantile Approximation in Streams, FOCS 2016.
    """
    values = np.concatenate([np.asarray(level, dtype=np.float64) for level in levels] or [np.empty(0)])
    weights = np.repeat(2 ** np.arange(len(levels)), [len(level) for level in levels])
    distinct, place = np.unique(values, return_inverse=True)
    return distinct, np.bincount(place, weights=weights, minlength=len(distinct)).astype(np.int64)


def choose_bins(values: Values, weights: Counts) -> Bins:
    """Cut at quantiles, denser in the tails, and give every value heavier than a fine bin a bin of its own."""
    heavy = values[weights * FINE_BINS > weights.sum()]
    coarse = _cuts(values, weights, np.arange(1, COARSE_BINS) / COARSE_BINS)
    fine = _cuts(values, weights, np.concatenate([np.arange(1, FINE_BINS) / FINE_BINS, _TAILS, 1 - _TAILS]))
    edges = np.unique(np.concatenate([fine, coarse, values[-1:], heavy, np.nextafter(heavy, -np.inf)]))
    starts = np.searchsorted(edges, coarse) + 1
    return Bins(edges=edges, coarse=np.concatenate([[0], starts]))


def _cuts(values: Values, weights: Counts, shares: Values) -> Values:
    """Return the values at these shares of the rows; none is the largest, above which nothing lies."""
    if len(values) == 1:
        return values
    found = np.searchsorted(np.cumsum(weights), shares * weights.sum())
    return np.unique(values[np.minimum(found, len(values) - 2)])
