"""The bins that a numeric feature is counted in, chosen from its baseline alone, and the bin of each value."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import numpy.typing as npt

from sagemaker_gitops.monitor.statistics import Counts, Values

# From small enough for the first-level cache to small enough for the second.
_SIZES = (1 << 12, 1 << 14, 1 << 16)
# More comparisons a value than this cost as much as the binary search.
_DEEPEST = 4

Cells = npt.NDArray[np.int32]
# Fine bins carry KS and Wasserstein, coarse ones PSI: ten, as is the custom in credit scoring.
FINE_BINS = 256
COARSE_BINS = 10
# Where bins are widest a few more cuts keep Wasserstein near the truth.
_TAILS = np.array([1 / 512, 1 / 1024, 1 / 2048, 1 / 4096])


@dataclass(frozen=True, kw_only=True)
class Even:
    """Cells of equal width."""

    origin: float
    scale: float
    size: int

    def cells(self, values: Values) -> Cells:
        """Return the cell of each value; those beyond the ends share the outermost cells."""
        with np.errstate(over="ignore"):
            places = values - self.origin
            places *= self.scale
        return np.clip(places, 0, self.size - 1, out=places).astype(np.int32)


@dataclass(frozen=True, kw_only=True)
class Relative:
    """Cells of equal relative width: the bits of a float, read as an integer, grow like its logarithm."""

    first: int
    last: int
    shift: int

    @property
    def size(self) -> int:
        """How many cells there are."""
        return (self.last >> self.shift) - (self.first >> self.shift) + 1

    def cells(self, values: Values) -> Cells:
        """Return the cell of each value; those beyond the ends share the outermost cells."""
        places = np.clip(_bits(values), self.first, self.last)
        places >>= self.shift
        # Shifted first: the distance from the most negative float to the most positive overflows.
        places -= self.first >> self.shift
        return places.astype(np.int32)


@dataclass(frozen=True, kw_only=True)
class Grid:
    """`below` counts, for every cell, the edges in lower cells; `depth` is the most edges that share a cell."""

    edges: Values
    layout: Even | Relative
    below: Cells
    depth: int

    @classmethod
    def over(cls, edges: Values) -> Self | None:
        """Lay a grid over edges, or give up where they lie too unevenly for one."""
        for layout in (*map(_even(edges), _SIZES), *map(_relative(edges), _SIZES)):
            if layout is not None:
                counts = np.bincount(layout.cells(edges), minlength=layout.size)
                if counts.max() <= _DEEPEST:
                    below = (np.cumsum(counts) - counts).astype(np.int32)
                    # An edge beyond the last one ends every row of comparisons.
                    closed = np.append(edges, np.inf)
                    return cls(edges=closed, layout=layout, below=below, depth=int(counts.max()))
        return None

    def search(self, values: Values) -> Cells:
        """Return how many edges lie below each value; NaN is not allowed."""
        found = self.below[self.layout.cells(values)]
        for _ in range(self.depth):
            found += self.edges[found] < values
        return found


def _even(edges: Values) -> Callable[[int], Even | None]:
    def lay(size: int) -> Even | None:
        with np.errstate(over="ignore", divide="ignore"):
            scale = np.float64(size) / (edges[-1] - edges[0])
        usable = np.isfinite(scale) and scale > 0
        return Even(origin=float(edges[0]), scale=float(scale), size=size) if usable else None

    return lay


def _relative(edges: Values) -> Callable[[int], Relative]:
    first, last = (int(place) for place in _bits(edges[[0, -1]]))

    def lay(size: int) -> Relative:
        return Relative(first=first, last=last, shift=((last - first) // size).bit_length())

    return lay


def _bits(values: Values) -> npt.NDArray[np.int64]:
    """Read floats as integers in the same order; a negative float's bits grow with its magnitude, so they turn."""
    # Zero is added because minus zero equals zero, but its bits do not.
    bits = (values + 0.0).view(np.int64)
    return bits ^ ((bits >> 63) & np.int64(0x7FFF_FFFF_FFFF_FFFF))


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
