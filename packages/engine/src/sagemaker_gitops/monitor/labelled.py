"""Answers whose truth is known, kept row by row: few enough, and needed exactly."""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from sagemaker_gitops.monitor.distances import Values


class Labelled(msgspec.Struct, kw_only=True):
    """Answers whose truth is known, one entry a row; `key` recognises a row that was captured twice."""

    key: npt.NDArray[np.uint64]
    probability: Values
    predicted: npt.NDArray[np.bool_]
    truth: npt.NDArray[np.bool_]

    def distinct(self) -> "Labelled":
        """Keep one entry a key, in the order of the keys."""
        _, first = np.unique(self.key, return_index=True)
        return Labelled(**{name: getattr(self, name)[first] for name in self.__struct_fields__})


def join_labelled(parts: Sequence[Mapping[str, Labelled]]) -> dict[str, Labelled]:
    """Put labelled answers together, group by group."""
    groups = sorted({group for part in parts for group in part})
    return {group: _stack([part[group] for part in parts if group in part]) for group in groups}


def _stack(parts: Sequence[Labelled]) -> Labelled:
    names = Labelled.__struct_fields__
    return Labelled(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})
