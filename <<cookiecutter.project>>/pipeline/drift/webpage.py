"""A run as one HTML page with plots: features, scores, the trend, and which release served when."""

import html
from collections.abc import Mapping, Sequence

from pipeline.drift.charts import Chart, by_psi, feature_charts, score_chart
from pipeline.drift.documents import Judged
from pipeline.drift.policy import Decision
from pipeline.drift.record import Record
from pipeline.drift.verdict import Verdict
from pipeline.report import page
from pipeline.report.plots import Axis, Line, bars, curves

_TREND_FEATURES = 5
_SHARE = Axis(label="share of rows")


def webpage(judged: Judged) -> str:
    """Write the page."""
    record, verdict = judged.record, judged.verdict
    psi = {name: distance.psi for name, distance in verdict.distances.items()}
    sections = [
        page.Section(title="In short", body=page.facts(_facts(record, verdict)) + _decisions(record.decisions)),
        page.Section(title="What is violated", body=_violations(verdict)),
        page.Section(title="Answers", body=page.figures([_scores(judged)])),
        page.Section(title="Features", body=page.figures(_features(judged, psi))),
        page.Section(title="Window after window", body=_trend([*judged.past, record])),
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


def _scores(judged: Judged) -> str:
    chart = score_chart(judged.baseline, judged.tally)
    return _plot("Probability of the positive class", chart, f"{judged.tally.scores.rows:,} answers of this release.")


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


def _trend(trend: Sequence[Record]) -> str:
    rows = [
        [
            f"{record.start:%m-%d %H:%M} to {record.end:%m-%d %H:%M}",
            page.word(record.outcome, good=record.outcome == "ok"),
            f"{record.rows:,}",
            page.code(", ".join(f"{name} {rows}" for name, rows in sorted(record.releases.items())) or "none"),
        ]
        for record in reversed(trend)
    ]
    table = page.table(["window (UTC)", "outcome", "rows", "served by"], rows, numbers=[2])
    return _trend_plot(trend) + table


def _trend_plot(trend: Sequence[Record]) -> str:
    last = trend[-1].psi if trend else {}
    names = sorted(last, key=lambda name: -last[name])[:_TREND_FEATURES]
    points = {
        name: [(float(i), record.psi[name]) for i, record in enumerate(trend) if name in record.psi] for name in names
    }
    lines = [Line(name=name, points=points[name]) for name in names if points[name]]
    if not lines:
        return ""
    svg = curves(lines, Axis(label="window, the last one is this", counts=True), Axis(label="PSI"))
    return page.figures([page.figure(svg, "The features that moved most, window after window.")])
