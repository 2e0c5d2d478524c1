"""What a run publishes: CloudWatch metrics, an EventBridge event, a Markdown summary, and the files by name."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sagemaker_gitops.monitor import record as records
from sagemaker_gitops.monitor.baseline import Baseline
from sagemaker_gitops.monitor.checks import confidence, positive_rate
from sagemaker_gitops.monitor.policy import Decision
from sagemaker_gitops.monitor.quality import (
    Quality,
    demographic_parity_difference,
    disparate_impact_ratio,
    favourable_rates,
)
from sagemaker_gitops.monitor.record import Record, dump_record
from sagemaker_gitops.monitor.tally import CategoryTally, NumberTally, Reading, Tally
from sagemaker_gitops.monitor.verdict import Outcome, Verdict
from sagemaker_gitops.monitor.window import named_hours
from sagemaker_gitops.report.markdown import inert

REPORT = "report.html"
RECORD = "run.json"
SUMMARY = "summary.md"
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
}
NAMESPACE = "Pipeline/Monitor"
SOURCE = "pipeline.monitor"
DETAIL_TYPE = "Monitoring Result"
# EventBridge takes 256 KiB; the report holds all of them.
_SHOWN_VIOLATIONS = 50
# Name, value and the feature that it is about ("" for the whole endpoint).
Metric = tuple[str, float, str]
_OUTCOMES = {
    Outcome.OK: "OutcomeOk",
    Outcome.DRIFT: "OutcomeDrift",
    Outcome.INSUFFICIENT: "OutcomeInsufficientData",
    Outcome.BROKEN: "OutcomeBroken",
}
_SIGNS = {"ok": "✓", "drift": "✗", "insufficient-data": "?", "broken": "!"}
_SHOWN_ROWS = 20


@dataclass(frozen=True, kw_only=True)
class Judged:
    """One run: what it compared, what it found, and what was recorded of it and of those before, oldest first."""

    baseline: Baseline
    tally: Tally
    verdict: Verdict
    record: Record
    past: Sequence[Record] = ()


def documents(judged: Judged, *, report: str) -> dict[str, bytes]:
    """Write every file; `report` is where the page will be found."""
    from sagemaker_gitops.monitor.webpage import webpage  # noqa: PLC0415  it imports this module

    return {
        REPORT: webpage(judged).encode(),
        SUMMARY: markdown(judged.record, judged.verdict, judged.tally, report=report).encode(),
        RECORD: dump_record(judged.record),
        "statistics.json": records.model_monitor_statistics(judged.baseline, judged.tally),
        "constraint_violations.json": records.model_monitor_violations(judged.verdict),
    }


def outcome_metrics(outcome: Outcome) -> Iterator[Metric]:
    """Count the run, and say how it ended: one of four is 1, so that each can have its alarm."""
    yield "Runs", 1.0, ""
    for one, name in _OUTCOMES.items():
        yield name, float(one is outcome), ""


def window_metrics(baseline: Baseline, tally: Tally, verdict: Verdict) -> Iterator[Metric]:
    """Measure the window, as a whole and feature by feature."""
    reading, scores = tally.reading, tally.scores
    yield "Rows", float(reading.rows), ""
    yield "CorruptEvents", float(reading.corrupt_lines + reading.undecodable), ""
    yield "CorruptTruthLines", float(reading.truth.unreadable), ""
    yield "Violations", float(len(verdict.violations)), ""
    for subject in ("data-quality", "drift", "prediction", "quality", "bias"):
        name = subject.title().replace("-", "")
        yield f"{name}Violations", float(sum(f.subject == subject for f in verdict.violations)), ""
    if scores.rows:
        yield "PositiveRate", positive_rate(scores), ""
        yield "Confidence", confidence(baseline.scores.edges, scores.counts), ""
    yield from _fairness(tally)
    yield from _quality_metrics(verdict)
    yield from _feature_metrics(tally, verdict)


def _fairness(tally: Tally) -> Iterator[Metric]:
    rates = favourable_rates(tally.scores.groups)
    if len(rates) > 1:
        yield "DisparateImpact", disparate_impact_ratio(rates), ""
        yield "DemographicParityDifference", demographic_parity_difference(rates), ""


def _quality_metrics(verdict: Verdict) -> Iterator[Metric]:
    quality = verdict.quality
    if quality:
        figures = {
            "LabelledRows": float(quality.rows),
            "Accuracy": quality.accuracy,
            "Precision": quality.precision,
            "Recall": quality.recall,
            "RocAuc": quality.roc_auc,
            "Brier": quality.brier,
            "CalibrationError": quality.calibration_error,
        }
        yield from ((name, value, "") for name, value in figures.items() if value is not None)


def _feature_metrics(tally: Tally, verdict: Verdict) -> Iterator[Metric]:
    for name, distance in verdict.distances.items():
        figures = {
            "Psi": distance.psi,
            "JensenShannon": distance.jensen_shannon,
            "ChiSquare": distance.chi_square,
            "KolmogorovSmirnov": distance.ks,
            "Wasserstein": distance.wasserstein,
        }
        yield from ((figure, value, name) for figure, value in figures.items() if value is not None)
    counted: dict[str, NumberTally | CategoryTally] = {**tally.numbers, **tally.categories}
    for name, one in counted.items():
        if one.rows:
            yield "Missing", one.missing / one.rows, name
            yield "Invalid", one.invalid / one.rows, name


def event_detail(record: Record, *, environment: str, report: str) -> dict[str, Any]:
    """Write the event's detail; monitoring/event.schema.json is its contract."""
    return {
        "schema": 1,
        "environment": environment,
        "endpoint": record.endpoint,
        "window": {"start": record.start.isoformat(), "end": record.end.isoformat()},
        "outcome": record.outcome,
        "reason": record.reason,
        "release": {"version": record.release.version, "fingerprint": record.release.fingerprint},
        "rows": record.rows,
        "violations": list(record.violations)[:_SHOWN_VIOLATIONS],
        "reactions": [decision.reaction for decision in record.decisions if decision.taken],
        "withheld": [decision.reason for decision in record.decisions if not decision.taken],
        "report": report,
    }


def markdown(record: Record, verdict: Verdict, tally: Tally, *, report: str) -> str:
    """Summarise a run, the verdict first."""
    span = f"{record.start:%Y-%m-%d %H:%M} to {record.end:%Y-%m-%d %H:%M} UTC"
    release = f"v{record.release.version} (`{record.release.fingerprint[:8]}`)"
    lines = [
        f"### monitor {_SIGNS[record.outcome]} {record.outcome}",
        f"{inert(record.reason)}.",
        f"Endpoint `{record.endpoint}`, {span}, release {release}. Report: {report}",
        "",
        *_violations(verdict),
        *_distances(verdict),
        *_quality(verdict.quality),
        *_served(record),
        *_reading(tally.reading),
        *_silence(verdict.silent),
        *_decisions(record.decisions),
    ]
    return "\n".join(lines)


def _violations(verdict: Verdict) -> Iterator[str]:
    if verdict.violations:
        yield "| about | feature | check | description | p-value |"
        yield "|---|---|---|---|---|"
        for finding in verdict.violations[:_SHOWN_ROWS]:
            feature = inert(finding.feature) or "all rows"
            yield (
                f"| {finding.subject} | {feature} | {finding.check} | {inert(finding.description)} "
                f"| {finding.p_value:.2g} |"
            )
        yield ""


def _distances(verdict: Verdict) -> Iterator[str]:
    if verdict.distances:
        yield "| feature | PSI | KS | Jensen-Shannon | Wasserstein in standard deviations |"
        yield "|---|---|---|---|---|"
        for name, one in sorted(verdict.distances.items(), key=lambda item: -item[1].psi):
            ks, shift = _bounded(one.ks, one.ks_error), _bounded(one.wasserstein, one.wasserstein_error)
            yield f"| {inert(name)} | {one.psi:.3f} | {ks} | {one.jensen_shannon:.3f} | {shift} |"
        yield ""


def _quality(quality: Quality | None) -> Iterator[str]:
    if quality:
        figures = ("accuracy", "precision", "recall", "roc_auc", "brier", "calibration_error")
        measured = [f"{name.replace('_', ' ')} {_or_dash(getattr(quality, name))}" for name in figures]
        yield f"With ground truth for {quality.rows} rows: {', '.join(measured)}."
    else:
        yield "Too little ground truth to judge model quality."


def _served(record: Record) -> Iterator[str]:
    if len(record.releases) > 1:
        parts = [f"{inert(name)} {rows}" for name, rows in sorted(record.releases.items(), key=lambda item: -item[1])]
        judged = record.release.fingerprint[:8]
        yield f"Rows by release: {', '.join(parts)}; predictions are judged for `{judged}` only."


def _reading(reading: Reading) -> Iterator[str]:
    problems = {
        "corrupt lines": reading.corrupt_lines,
        "requests that cannot be decoded": reading.undecodable,
        "requests without a prediction": reading.unanswered,
        "unreadable files": len(reading.unreadable_files),
    }
    counted = [f"{count} {name}" for name, count in problems.items() if count]
    if counted:
        yield f"Of {reading.events} events in {reading.files} files: {', '.join(counted)}."
    truth = reading.truth
    doubtful = {
        "unreadable": truth.unreadable,
        "repeated": truth.repeated - truth.contradicting,
        "contradicting an earlier one": truth.contradicting,
    }
    found = [f"{count} {name}" for name, count in doubtful.items() if count]
    if found:
        yield f"Of {truth.total} lines of ground truth: {', '.join(found)}."
    for name, why in list(reading.unreadable_files.items())[:3]:
        yield f"- {inert(name)}: {inert(why)}"


def _silence(hours: Sequence[str]) -> Iterator[str]:
    if hours:
        yield f"Nothing was captured in {len(hours)} hours: {named_hours(hours)}."


def _decisions(decisions: Sequence[Decision]) -> Iterator[str]:
    for decision in decisions:
        yield f"- **{decision.reaction}**{'' if decision.taken else ' (withheld)'}: {inert(decision.reason)}"


def _bounded(value: float | None, error: float | None) -> str:
    """Write a binned distance with the most that binning can have changed."""
    return "-" if value is None else f"{value:.3f} ± {error:.3f}"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
