"""What CloudWatch and EventBridge are told about a run."""

from collections.abc import Iterator
from typing import Any

from sagemaker_gitops.monitor.baseline import Baseline
from sagemaker_gitops.monitor.bias import demographic_parity_difference, disparate_impact_ratio, favourable_rates
from sagemaker_gitops.monitor.finding import Outcome
from sagemaker_gitops.monitor.predictions import confidence, positive_rate
from sagemaker_gitops.monitor.record import Record
from sagemaker_gitops.monitor.tally import CategoryTally, NumberTally, Tally
from sagemaker_gitops.monitor.verdict import Verdict

NAMESPACE = "Pipeline/Monitor"
SOURCE = "pipeline.monitor"
DETAIL_TYPE = "Monitoring Result"
# EventBridge takes 256 KiB; the report holds all of them.
_TOLD_VIOLATIONS = 50

# Name, value and the feature that it is about ("" for the whole endpoint).
Gauge = tuple[str, float, str]

_OUTCOMES = {
    Outcome.OK: "OutcomeOk",
    Outcome.DRIFT: "OutcomeDrift",
    Outcome.INSUFFICIENT: "OutcomeInsufficientData",
    Outcome.BROKEN: "OutcomeBroken",
}


def outcome_gauges(outcome: Outcome) -> Iterator[Gauge]:
    """Tell that the monitor ran, and how it ended: one of four is 1, so that each can have its alarm."""
    yield "Runs", 1.0, ""
    for one, name in _OUTCOMES.items():
        yield name, float(one is outcome), ""


def window_gauges(baseline: Baseline, tally: Tally, verdict: Verdict) -> Iterator[Gauge]:
    """Tell what the window held, as a whole and feature by feature."""
    reading, scores = tally.reading, tally.scores
    yield "Rows", float(reading.rows), ""
    yield "CorruptEvents", float(reading.corrupt_lines + reading.undecodable), ""
    yield "Violations", float(len(verdict.violations)), ""
    for subject in ("data-quality", "drift", "prediction", "quality", "bias"):
        name = subject.title().replace("-", "")
        yield f"{name}Violations", float(sum(f.subject == subject for f in verdict.violations)), ""
    if scores.rows:
        yield "PositiveRate", positive_rate(scores), ""
        yield "Confidence", confidence(baseline.scores.edges, scores.counts), ""
    yield from _fairness(tally)
    yield from _quality(verdict)
    yield from _features(tally, verdict)


def _fairness(tally: Tally) -> Iterator[Gauge]:
    rates = favourable_rates(tally.scores.groups)
    if len(rates) > 1:
        yield "DisparateImpact", disparate_impact_ratio(rates), ""
        yield "DemographicParityDifference", demographic_parity_difference(rates), ""


def _quality(verdict: Verdict) -> Iterator[Gauge]:
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


def _features(tally: Tally, verdict: Verdict) -> Iterator[Gauge]:
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
        "violations": list(record.violations)[:_TOLD_VIOLATIONS],
        "reactions": [decision.reaction for decision in record.decisions if decision.taken],
        "withheld": [decision.reason for decision in record.decisions if not decision.taken],
        "report": report,
    }
