"""The held-out rows beside what a model answers them, and what every task makes of that."""

from collections.abc import Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

DIGITS = 6

Groups = dict[str, dict[str, float | None]]
Gaps = dict[str, float | None]


class Scored(Protocol):
    """A task's answers to the held-out rows, and how good and how fair they are."""

    @property
    def truth(self) -> npt.NDArray[Any]:
        """What was true: a class by its place in the schema's order, or a number."""

    @property
    def answers(self) -> npt.NDArray[np.float64]:
        """What the model gave: a probability or a value a row, or a line of probabilities."""

    @property
    def group(self) -> npt.NDArray[np.str_] | None:
        """Whom each row concerned; None where the schema names no protected attribute."""

    def quality(self) -> dict[str, float]:
        """Return the metrics over all rows."""

    def groups(self) -> Groups:
        """Return the figures of each value of the protected attribute; one over no rows is None."""

    def bias(self) -> Gaps:
        """Return the gaps between the groups; nothing where there are none."""

    def shape(self) -> dict[str, Any]:
        """Return how the answers are distributed, for whoever compares later ones with them."""

    def curves(self) -> dict[str, Any]:
        """Return what a report plots."""


def by_group(group: npt.NDArray[np.str_] | None, figures: Any) -> Groups:
    """Apply a function of a row mask to each group."""
    names = [] if group is None else sorted(set(group))
    return {str(name): figures(group == name) for name in names}


def rates(truth: npt.NDArray[Any], label: npt.NDArray[Any], hit: npt.NDArray[np.bool_]) -> dict[str, float | None]:
    """Return how often 1 is answered: at all, where it is true, and where it is not; and how often rightly."""
    return {
        "n": len(truth),
        "selection_rate": mean(label),
        "tpr": mean(label[truth == 1]),
        "fpr": mean(label[truth == 0]),
        "accuracy": mean(hit),
    }


def gaps(groups: Mapping[str, Mapping[str, float | None]], *, favourable: int) -> Gaps:
    """Return the gaps between groups in the favourable outcome, and in it for those who deserve it."""
    if not groups:
        return {}
    name = "tpr" if favourable else "fpr"
    given = [_favour(group["selection_rate"], favourable) for group in groups.values()]
    deserved = [_favour(group[name], favourable) for group in groups.values() if group[name] is not None]
    return {
        "demographic_parity_difference": round(max(given) - min(given), DIGITS),
        "equal_opportunity_difference": round(max(deserved) - min(deserved), DIGITS) if deserved else None,
        "disparate_impact_ratio": round(min(given) / max(given), DIGITS) if max(given) else None,
    }


def _favour(rate: float | None, favourable: int) -> float:
    positive = 0.0 if rate is None else rate
    return positive if favourable else 1 - positive


def mean(values: npt.NDArray[Any]) -> float | None:
    """Return the mean; None over no rows."""
    return round(float(values.mean()), DIGITS) if len(values) else None


def listed(values: npt.NDArray[Any]) -> list[float]:
    """Return numbers as a document holds them."""
    return [round(float(value), DIGITS) for value in values]


def rounded(values: Mapping[str, float]) -> dict[str, float]:
    """Return metrics as a document holds them."""
    return {name: round(float(value), DIGITS) for name, value in values.items()}


def counted(values: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> dict[str, list[float]]:
    """Count values between edges."""
    return {"edges": listed(edges), "counts": np.histogram(values, edges)[0].tolist()}
