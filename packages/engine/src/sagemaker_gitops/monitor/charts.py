"""Baseline and window side by side, bin by bin, as a plot or a table shows them."""

from collections.abc import Mapping
from dataclasses import dataclass

from sagemaker_gitops.monitor.baseline import Baseline
from sagemaker_gitops.monitor.distances import Counts, shares
from sagemaker_gitops.monitor.tally import Tally


@dataclass(frozen=True, kw_only=True)
class Chart:
    """Shares of a feature's rows by bin or category, before and now."""

    bins: tuple[str, ...]
    baseline: tuple[float, ...]
    window: tuple[float, ...]


def feature_charts(baseline: Baseline, tally: Tally) -> dict[str, Chart]:
    """Chart every feature over the bins that its PSI is computed on."""
    charts = {}
    for name, number in baseline.numbers.items():
        edges = number.bins.edges[number.bins.coarse[1:] - 1]
        # Every third bin is named, so that the names do not run into each other.
        labels = (*("" if place % 3 else f"≤{edge:.3g}" for place, edge in enumerate(edges)), f">{edges[-1]:.3g}")
        actual = number.bins.coarsen(tally.numbers[name].counts)
        charts[name] = _chart(labels, number.bins.coarsen(number.counts), actual)
    for name, category in baseline.categories.items():
        unknown = tally.categories[name].unknown
        before, now = shares(category.counts), shares(tally.categories[name].counts)
        known = sum(tally.categories[name].counts)
        scale = known / (known + unknown) if unknown else 1.0
        new = (1 - scale,) if unknown else ()
        charts[name] = Chart(
            bins=(*category.categories, *(("new",) if unknown else ())),
            baseline=(*map(float, before), *((0.0,) if unknown else ())),
            window=(*(float(share * scale) for share in now), *new),
        )
    return charts


def score_chart(baseline: Baseline, tally: Tally) -> Chart:
    """Chart the probabilities that the release answered."""
    labels = tuple(f"{edge:.2f}" if index % 4 == 0 else "" for index, edge in enumerate(baseline.scores.edges[:-1]))
    return _chart(labels, baseline.scores.counts, tally.scores.counts)


def by_psi(charts: Mapping[str, Chart], psi: Mapping[str, float]) -> list[tuple[str, Chart]]:
    """Order charts so that what moved most comes first."""
    return sorted(charts.items(), key=lambda item: -psi.get(item[0], 0.0))


def _chart(labels: tuple[str, ...], expected: Counts, actual: Counts) -> Chart:
    return Chart(bins=labels, baseline=tuple(map(float, shares(expected))), window=tuple(map(float, shares(actual))))
