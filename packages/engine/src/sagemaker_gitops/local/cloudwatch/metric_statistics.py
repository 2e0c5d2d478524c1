"""CloudWatch's statistics over raw data points, percentiles included."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import regex

from sagemaker_gitops.local.server.refusal import Refusal

BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENTILE = regex.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Datum:
    """Values of one metric at one moment (seconds since the epoch), each with how often it occurred."""

    time: float
    values: tuple[float, ...]
    counts: tuple[float, ...]
    unit: str = "None"


def compute(name: str, data: Sequence[Datum]) -> float:
    """Return a statistic of at least one data point."""
    pairs = [pair for datum in data for pair in zip(datum.values, datum.counts, strict=True)]
    if name in BASIC:
        return _basic(name, pairs)
    if found := _PERCENTILE.fullmatch(name):
        return _percentile(float(found[1]), pairs)
    raise Refusal(
        "InvalidParameterValue", f"The value {name} for parameter Statistic is not supported by the local AWS."
    )


def known(name: str) -> bool:
    """Return whether a statistic can be computed here."""
    return name in BASIC or _PERCENTILE.fullmatch(name) is not None


def _basic(name: str, pairs: Sequence[tuple[float, float]]) -> float:
    count = sum(n for _, n in pairs)
    total = sum(v * n for v, n in pairs)
    values = [v for v, _ in pairs]
    results = {
        "SampleCount": count,
        "Average": total / count,
        "Sum": total,
        "Minimum": min(values),
        "Maximum": max(values),
    }
    return results[name]


def _percentile(percent: float, pairs: Iterable[tuple[float, float]]) -> float:
    """Return the smallest value that at least `percent` of the samples do not exceed."""
    ordered = sorted(pairs)
    rank = max(1.0, math.ceil(percent / 100 * sum(n for _, n in ordered)))
    seen = 0.0
    for value, count in ordered:
        seen += count
        if seen >= rank:
            return value
    return ordered[-1][0]


def by_period(data: Iterable[Datum], period: float) -> dict[float, list[Datum]]:
    """Return the data points by the start of their period, oldest first."""
    periods: dict[float, list[Datum]] = {}
    for datum in data:
        periods.setdefault(math.floor(datum.time / period) * period, []).append(datum)
    return dict(sorted(periods.items()))
