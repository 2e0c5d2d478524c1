"""A grid over sorted edges: finds the bin of a value in a few vector steps instead of a binary search.

The cell of a value is a monotone function of it, so edges in lower cells are below the value and edges in
higher cells are not: only the few edges in its own cell are left to compare with. The answer is exactly
numpy.searchsorted's. Cells are of equal width or, for edges that span many orders of magnitude, of equal
relative width.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from sagemaker_gitops.monitor.distances import Values

# From small enough for the first-level cache to small enough for the second.
_SIZES = (1 << 12, 1 << 14, 1 << 16)
# More comparisons a value than this cost as much as the binary search.
_DEEPEST = 4

Cells = npt.NDArray[np.int32]


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
