"""A run as one HTML page with plots: features, scores, the trend, and which release served when."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise

from sagemaker_gitops.monitor.baseline import Baseline
from sagemaker_gitops.monitor.publish import Judged
from sagemaker_gitops.monitor.record import Record
from sagemaker_gitops.monitor.statistics import Counts, shares
from sagemaker_gitops.monitor.tally import Tally
from sagemaker_gitops.monitor.verdict import Verdict
from sagemaker_gitops.report.page import Figure, render
from sagemaker_gitops.report.plots import Axis, Line, at, bars, stacks, timeline


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


_TREND_FEATURES = 5
_SHARE = Axis(label="share of rows")


def webpage(judged: Judged) -> str:
    """Write the page."""
    record, verdict = judged.record, judged.verdict
    trend = [*judged.past, record]
    versions = {one.release.fingerprint[:8]: one.release.version for one in trend}
    return render(
        "monitor.html",
        title=f"Monitor: {record.outcome}",
        lead=f"{record.endpoint}, {record.start:%Y-%m-%d %H:%M} to {record.end:%Y-%m-%d %H:%M} UTC: {record.reason}.",
        record=record,
        summary=_summary(record, verdict),
        violations=verdict.violations,
        scores=_scores(judged),
        features=_features(judged, {name: distance.psi for name, distance in verdict.distances.items()}),
        trend=_trend(trend, versions, verdict) if judged.past else [],
        windows=[_window(one, versions) for one in reversed(trend)],
    )


def _summary(record: Record, verdict: Verdict) -> list[tuple[str, str]]:
    values = [
        ("outcome", record.outcome),
        ("release", f"v{record.release.version} {record.release.fingerprint[:8]}"),
        ("rows", f"{record.rows:,}"),
        ("checks violated", f"{len(verdict.violations)} of {len(verdict.findings)}"),
    ]
    if verdict.quality:
        figures = {"accuracy": verdict.quality.accuracy, "ROC AUC": verdict.quality.roc_auc}
        values += [(f"{name}, by ground truth", f"{value:.3f}") for name, value in figures.items() if value is not None]
    return values


def _scores(judged: Judged) -> list[Figure]:
    if judged.baseline.contract.task != "binary":
        return []
    remark = f"{judged.tally.scores.rows:,} predictions of this release."
    return [_plot("Probability of the positive class", score_chart(judged.baseline, judged.tally), remark)]


def _features(judged: Judged, psi: Mapping[str, float]) -> list[Figure]:
    violated = {finding.feature for finding in judged.verdict.violations}
    plots = []
    for name, chart in by_psi(feature_charts(judged.baseline, judged.tally), psi):
        remark = f"PSI {psi[name]:.3f}" if name in psi else "no rows"
        plots.append(_plot(name, chart, f"{remark}: violated" if name in violated else remark))
    return plots


def _plot(name: str, chart: Chart, remark: str) -> Figure:
    svg = bars(chart.bins, {"baseline": chart.baseline, "window": chart.window}, _SHARE)
    return Figure(svg=svg, caption=f"{name}. {remark}".strip())


def _trend(trend: Sequence[Record], versions: Mapping[str, int], verdict: Verdict) -> list[Figure]:
    plots = (_psi_plot(trend, versions, verdict), _quality_plot(trend), _release_plot(trend, versions))
    return [plot for plot in plots if plot]


def _window(record: Record, versions: Mapping[str, int]) -> dict[str, str]:
    return {
        "span": f"{record.start:%m-%d %H:%M} to {record.end:%m-%d %H:%M}",
        "outcome": record.outcome,
        "rows": f"{record.rows:,}",
        "served_by": _served(record, versions),
    }


def _served(record: Record, versions: Mapping[str, int]) -> str:
    parts = [f"{_name(fingerprint, versions)}: {rows:,}" for fingerprint, rows in sorted(record.releases.items())]
    return ", ".join(parts) or "none"


def _name(fingerprint: str, versions: Mapping[str, int]) -> str:
    """Name a release by its version, where a run knew it; rows name only the start of its fingerprint."""
    return f"v{versions[fingerprint]} {fingerprint}" if fingerprint in versions else fingerprint


def _psi_plot(trend: Sequence[Record], versions: Mapping[str, int], verdict: Verdict) -> Figure | None:
    last = trend[-1].psi
    names = sorted(last, key=lambda name: -last[name])[:_TREND_FEATURES]
    lines = _lines(trend, {name: [record.psi.get(name) for record in trend] for name in names})
    if not lines:
        return None
    level = next((finding.limit for finding in verdict.findings if finding.metric == "psi"), None)
    came = [
        (after.end, _name(after.release.fingerprint[:8], versions))
        for before, after in pairwise(trend)
        if before.release.fingerprint != after.release.fingerprint
    ]
    svg = timeline(lines, _ends(trend), Axis(label="PSI"), events=came, level=level)
    caption = "The features with the highest PSI; dashed the threshold, dotted the first window of another release."
    return Figure(svg=svg, caption=caption, wide=True)


def _quality_plot(trend: Sequence[Record]) -> Figure | None:
    named = {"accuracy": "accuracy", "ROC AUC": "roc_auc", "recall": "recall"}
    values = {name: [record.quality.get(figure) for record in trend] for name, figure in named.items()}
    lines = _lines(trend, values)
    if max((len(line.points) for line in lines), default=0) < 2:
        return None
    svg = timeline(lines, _ends(trend), Axis(label="by ground truth", limits=(0, 1)))
    return Figure(svg=svg, caption="Model quality, in windows with enough ground truth.", wide=True)


def _release_plot(trend: Sequence[Record], versions: Mapping[str, int]) -> Figure | None:
    names = sorted({one for record in trend for one in record.releases}, key=lambda one: versions.get(one, 0))
    if not names:
        return None
    series = {_name(one, versions): [float(record.releases.get(one, 0)) for record in trend] for one in names}
    svg = stacks(_ends(trend), series, Axis(label="rows"))
    return Figure(svg=svg, caption="Rows of each window, by the release that served them.", wide=True)


def _ends(trend: Sequence[Record]) -> list[datetime]:
    return [record.end for record in trend]


def _lines(trend: Sequence[Record], values: Mapping[str, Sequence[float | None]]) -> list[Line]:
    """Draw each figure over the windows that have it."""
    points = {
        name: [(at(record.end), value) for record, value in zip(trend, one, strict=True) if value is not None]
        for name, one in values.items()
    }
    return [Line(name=name, points=places) for name, places in points.items() if places]
