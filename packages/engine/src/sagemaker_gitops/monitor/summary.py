"""A run in Markdown: for the job summary and for the issue that people are paged with."""

from collections.abc import Iterator, Sequence

from sagemaker_gitops.monitor.gaps import told
from sagemaker_gitops.monitor.policy import Decision
from sagemaker_gitops.monitor.quality import Quality
from sagemaker_gitops.monitor.record import Record
from sagemaker_gitops.monitor.tally import Reading, Tally
from sagemaker_gitops.monitor.verdict import Verdict
from sagemaker_gitops.report.markdown import inert

MARKS = {"ok": "✓", "drift": "✗", "insufficient-data": "?", "broken": "!"}
_TOLD_ROWS = 20


def markdown(record: Record, verdict: Verdict, tally: Tally, *, report: str) -> str:
    """Summarise a run, the verdict first."""
    span = f"{record.start:%Y-%m-%d %H:%M} to {record.end:%Y-%m-%d %H:%M} UTC"
    release = f"v{record.release.version} (`{record.release.fingerprint[:8]}`)"
    lines = [
        f"### monitor {MARKS[record.outcome]} {record.outcome}",
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
        yield "| about | feature | check | what | p |"
        yield "|---|---|---|---|---|"
        for finding in verdict.violations[:_TOLD_ROWS]:
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
        yield f"Rows by release: {', '.join(parts)}; answers are judged for `{record.release.fingerprint[:8]}` only."


def _reading(reading: Reading) -> Iterator[str]:
    problems = {
        "corrupt lines": reading.corrupt_lines,
        "requests that cannot be decoded": reading.undecodable,
        "requests without an answer": reading.unanswered,
        "unreadable files": len(reading.unreadable_files),
    }
    counted = [f"{count} {name}" for name, count in problems.items() if count]
    if counted:
        yield f"Of {reading.events} events in {reading.files} files: {', '.join(counted)}."
    for name, why in list(reading.unreadable_files.items())[:3]:
        yield f"- {inert(name)}: {inert(why)}"


def _silence(hours: Sequence[str]) -> Iterator[str]:
    if hours:
        yield f"Nothing was captured in {len(hours)} hours: {told(hours)}."


def _decisions(decisions: Sequence[Decision]) -> Iterator[str]:
    for decision in decisions:
        yield f"- **{decision.reaction}**{'' if decision.taken else ' (withheld)'}: {inert(decision.reason)}"


def _bounded(value: float | None, error: float | None) -> str:
    """Write a binned distance with the most that binning can have changed."""
    return "-" if value is None else f"{value:.3f} ± {error:.3f}"


def _or_dash(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
