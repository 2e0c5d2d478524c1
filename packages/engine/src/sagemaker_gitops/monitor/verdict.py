"""The verdict on a window: evidence first, findings second, one of four outcomes last."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from sagemaker_gitops.monitor.baseline import Baseline
from sagemaker_gitops.monitor.checks import (
    Distance,
    Finding,
    Subject,
    data_findings,
    drift_findings,
    feature_distances,
    prediction_findings,
)
from sagemaker_gitops.monitor.quality import (
    Quality,
    bias_findings,
    deserved_rates,
    favourable_rates,
    measure,
    quality_findings,
)
from sagemaker_gitops.monitor.statistics import holm
from sagemaker_gitops.monitor.tally import Labelled, Reading, Tally, join_labelled
from sagemaker_gitops.monitor.window import named_hours, silent_hours
from sagemaker_gitops.project.monitor_config import MonitorConfig


class Outcome(StrEnum):
    """How a run of the monitor ends."""

    OK = "ok"
    DRIFT = "drift"
    INSUFFICIENT = "insufficient-data"
    BROKEN = "broken"


def judge(findings: Sequence[Finding], *, false_alarm_rate: float) -> tuple[Finding, ...]:
    """Say which findings are violated, so that all of them together raise a false alarm at most so often."""
    adjusted = holm([finding.p_value for finding in findings])
    return tuple(
        replace(finding, p_value=p_value, violated=finding.material and p_value < false_alarm_rate)
        for finding, p_value in zip(findings, adjusted, strict=True)
    )


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """What the monitor found in one window; `reason` says in a sentence why the outcome is what it is.

    `silent` are the hours in which nothing was captured, though something was before.
    """

    outcome: Outcome
    reason: str
    findings: tuple[Finding, ...]
    distances: Mapping[str, Distance]
    quality: Quality | None
    silent: tuple[str, ...] = ()

    @property
    def violations(self) -> tuple[Finding, ...]:
        """The findings that are violated, the most certain first."""
        return tuple(sorted((f for f in self.findings if f.violated), key=lambda finding: finding.p_value))

    @property
    def subjects(self) -> frozenset[Subject]:
        """What was violated."""
        return frozenset(finding.subject for finding in self.violations)


def evaluate(baseline: Baseline, tally: Tally, config: MonitorConfig, *, until: datetime | None = None) -> Verdict:
    """Judge a window that has been read; `until` is its end, where it is one in time."""
    found = feature_distances(baseline, tally)
    labelled = {group: answers.distinct() for group, answers in tally.labelled.items()}
    everyone = _everyone(labelled)
    enough = everyone and len(everyone.key) >= config.minimum_labels and not _contradicts_itself(tally.reading, config)
    quality = measure(everyone) if everyone and enough else None
    findings: list[Finding] = []
    if tally.reading.rows >= config.minimum_rows:
        findings += data_findings(baseline, tally, config.limits)
        findings += drift_findings(found, config.limits)
    if tally.scores.rows >= config.minimum_rows:
        findings += prediction_findings(baseline.scores, tally.scores, config.limits)
    if everyone and quality:
        findings += quality_findings(baseline.scores, everyone, config.limits)
    given = favourable_rates(tally.scores.groups) if tally.scores.rows >= config.minimum_rows else {}
    deserved = deserved_rates(labelled, baseline.contract) if quality else {}
    findings += bias_findings(given, deserved, config.limits)
    judged = judge(findings, false_alarm_rate=config.false_alarm_rate)
    silent = silent_hours(tally.reading.hours, until=until)
    outcome, reason = _outcome(tally.reading, judged, silent, config)
    return Verdict(
        outcome=outcome, reason=reason, findings=judged, distances=found, quality=quality, silent=tuple(silent)
    )


def _contradicts_itself(reading: Reading, config: MonitorConfig) -> bool:
    """Tell whether ground truth says too often one thing and then another for it to judge a model by."""
    return reading.truth.contradicting > config.maximum_corrupt * reading.truth.total


def _everyone(labelled: Mapping[str, Labelled]) -> Labelled | None:
    together = join_labelled([{"": answers} for answers in labelled.values()])
    return together[""].distinct() if together else None


def _outcome(
    reading: Reading, findings: tuple[Finding, ...], silent: Sequence[str], config: MonitorConfig
) -> tuple[Outcome, str]:
    if broken := _unreadable(reading, config):
        return Outcome.BROKEN, broken
    violated = [finding for finding in findings if finding.violated]
    if violated:
        names = dict.fromkeys(finding.feature or finding.check for finding in violated)
        return Outcome.DRIFT, f"{len(violated)} of {len(findings)} checks are violated: {', '.join(names)}"
    if lacking := _insufficient(reading, silent, config):
        return Outcome.INSUFFICIENT, lacking
    return Outcome.OK, f"{len(findings)} checks hold over {reading.rows} rows"


def _unreadable(reading: Reading, config: MonitorConfig) -> str:
    """Say what cannot be read, where it is more than the configuration lets pass."""
    bad = reading.corrupt_lines + reading.undecodable
    shares = (
        (len(reading.unreadable_files), reading.files, "capture files"),
        (bad, reading.events + reading.corrupt_lines, "captured events"),
        (reading.truth.unreadable, reading.truth.total, "lines of ground truth"),
    )
    beyond = (
        f"{few} of {all_of} {what} cannot be read"
        for few, all_of, what in shares
        if few > config.maximum_corrupt * all_of
    )
    return next(beyond, "")


def _insufficient(reading: Reading, silent: Sequence[str], config: MonitorConfig) -> str:
    """Say what is lacking for a judgement."""
    if reading.rows < config.minimum_rows:
        return f"the window holds {reading.rows} rows; {config.minimum_rows} are needed"
    if _contradicts_itself(reading, config):
        truth = reading.truth
        return f"{truth.contradicting} of {truth.total} lines of ground truth contradict earlier ones"
    if len(silent) > config.maximum_silent_hours:
        return f"nothing was captured in {len(silent)} hours ({named_hours(silent)}), which cannot be judged"
    return ""
