"""A run as one HTML page with plots: features, scores, the trend, and which release served when."""

import html
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from itertools import pairwise

from sagemaker_gitops.monitor.charts import Chart, by_psi, feature_charts, score_chart
from sagemaker_gitops.monitor.documents import Judged
from sagemaker_gitops.monitor.policy import Decision
from sagemaker_gitops.monitor.record import Record
from sagemaker_gitops.monitor.verdict import Verdict
from sagemaker_gitops.report import page
from sagemaker_gitops.report.plots import Axis, Line, at, bars, stacks, timeline

_TREND_FEATURES = 5
_SHARE = Axis(label="share of rows")


def webpage(judged: Judged) -> str:
    """Write the page."""
    record, verdict = judged.record, judged.verdict
    psi = {name: distance.psi for name, distance in verdict.distances.items()}
    sections = [
        page.Section(title="In short", body=page.facts(_facts(record, verdict)) + _decisions(record.decisions)),
        page.Section(title="What is violated", body=_violations(verdict)),
        *_answers(judged),
        page.Section(title="Features", body=page.figures(_features(judged, psi))),
        page.Section(title="Window after window", body=_trend([*judged.past, record], verdict)),
    ]
    lead = f"{record.endpoint}, {record.start:%Y-%m-%d %H:%M} to {record.end:%Y-%m-%d %H:%M} UTC: {record.reason}."
    return page.page(f"Monitor: {record.outcome}", lead, sections)


def _facts(record: Record, verdict: Verdict) -> list[tuple[str, str]]:
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


def _decisions(decisions: Sequence[Decision]) -> str:
    items = [
        f"<li>{page.word(decision.reaction, good=not decision.taken)}: {html.escape(decision.reason)}</li>"
        for decision in decisions
    ]
    return f"<ul>{''.join(items)}</ul>" if items else ""


def _violations(verdict: Verdict) -> str:
    if not verdict.violations:
        return "<p>Nothing.</p>"
    rows = [
        [
            finding.subject,
            html.escape(finding.feature),
            finding.check,
            f"{finding.p_value:.2g}",
            html.escape(finding.description),
        ]
        for finding in verdict.violations
    ]
    return page.table(["about", "feature", "check", "p", "what"], rows, numbers=[3])


def _answers(judged: Judged) -> Iterator[page.Section]:
    if judged.baseline.contract.task == "classification":
        chart, answers = score_chart(judged.baseline, judged.tally), f"{judged.tally.scores.rows:,} answers"
        plot = _plot("Probability of the positive class", chart, f"{answers} of this release.")
        yield page.Section(title="Answers", body=page.figures([plot]))


def _features(judged: Judged, psi: Mapping[str, float]) -> list[str]:
    violated = {finding.feature for finding in judged.verdict.violations}
    plots = []
    for name, chart in by_psi(feature_charts(judged.baseline, judged.tally), psi):
        remark = f"PSI {psi[name]:.3f}" if name in psi else "no rows"
        plots.append(_plot(name, chart, f"{remark}: violated" if name in violated else remark))
    return plots


def _plot(name: str, chart: Chart, remark: str) -> str:
    svg = bars(chart.bins, {"baseline": chart.baseline, "window": chart.window}, _SHARE)
    return page.figure(svg, f"{name}. {remark}".strip())


def _trend(trend: Sequence[Record], verdict: Verdict) -> str:
    versions = {record.release.fingerprint[:8]: record.release.version for record in trend}
    rows = [
        [
            _window(record),
            page.word(record.outcome, good=record.outcome == "ok"),
            f"{record.rows:,}",
            page.code(_served(record, versions)),
        ]
        for record in reversed(trend)
    ]
    table = page.table(["window (UTC)", "outcome", "rows", "served by"], rows, numbers=[2])
    if len(trend) == 1:
        return table
    plots = [_psi_plot(trend, versions, verdict), _quality_plot(trend), _release_plot(trend, versions)]
    return page.figures(filter(None, plots)) + table


def _window(record: Record) -> str:
    start, end = (f"{moment:%m-%d %H:%M}".replace(" ", "&nbsp;") for moment in (record.start, record.end))
    return f"{start} to {end}"


def _served(record: Record, versions: Mapping[str, int]) -> str:
    parts = [f"{_name(mark, versions)}: {rows:,}" for mark, rows in sorted(record.releases.items())]
    return ", ".join(parts) or "none"


def _name(mark: str, versions: Mapping[str, int]) -> str:
    """Name a release by its version, where a run knew it; rows name only the start of its fingerprint."""
    return f"v{versions[mark]} {mark}" if mark in versions else mark


def _psi_plot(trend: Sequence[Record], versions: Mapping[str, int], verdict: Verdict) -> str:
    last = trend[-1].psi
    names = sorted(last, key=lambda name: -last[name])[:_TREND_FEATURES]
    lines = _lines(trend, {name: [record.psi.get(name) for record in trend] for name in names})
    if not lines:
        return ""
    level = next((finding.limit for finding in verdict.findings if finding.metric == "psi"), None)
    came = [
        (after.end, _name(after.release.fingerprint[:8], versions))
        for before, after in pairwise(trend)
        if before.release.fingerprint != after.release.fingerprint
    ]
    svg = timeline(lines, _ends(trend), Axis(label="PSI"), marks=came, level=level)
    caption = "The features that moved most; dashed the limit, dotted the first window of another release."
    return page.figure(svg, caption, wide=True)


def _quality_plot(trend: Sequence[Record]) -> str:
    named = {"accuracy": "accuracy", "ROC AUC": "roc_auc", "recall": "recall"}
    values = {name: [record.quality.get(figure) for record in trend] for name, figure in named.items()}
    lines = _lines(trend, values)
    if max((len(line.points) for line in lines), default=0) < 2:
        return ""
    svg = timeline(lines, _ends(trend), Axis(label="by ground truth", limits=(0, 1)))
    return page.figure(svg, "Quality, where enough ground truth has come.", wide=True)


def _release_plot(trend: Sequence[Record], versions: Mapping[str, int]) -> str:
    marks = sorted({mark for record in trend for mark in record.releases}, key=lambda mark: versions.get(mark, 0))
    if not marks:
        return ""
    series = {_name(mark, versions): [float(record.releases.get(mark, 0)) for record in trend] for mark in marks}
    svg = stacks(_ends(trend), series, Axis(label="rows"))
    return page.figure(svg, "Which release answered, window after window.", wide=True)


def _ends(trend: Sequence[Record]) -> list[datetime]:
    return [record.end for record in trend]


def _lines(trend: Sequence[Record], values: Mapping[str, Sequence[float | None]]) -> list[Line]:
    """Draw each figure over the windows that have it."""
    points = {
        name: [(at(record.end), value) for record, value in zip(trend, one, strict=True) if value is not None]
        for name, one in values.items()
    }
    return [Line(name=name, points=places) for name, places in points.items() if places]
