"""The files that a run leaves, by name: for people, for machines, and for Model Monitor's readers."""

from collections.abc import Sequence
from dataclasses import dataclass

from sagemaker_gitops.monitor import modelmonitor
from sagemaker_gitops.monitor.baseline import Baseline
from sagemaker_gitops.monitor.record import Record, dump_record
from sagemaker_gitops.monitor.summary import markdown
from sagemaker_gitops.monitor.tally import Tally
from sagemaker_gitops.monitor.verdict import Verdict

REPORT = "report.html"
RECORD = "run.json"
SUMMARY = "summary.md"
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".json": "application/json",
    ".md": "text/markdown; charset=utf-8",
}


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
        "statistics.json": modelmonitor.statistics(judged.baseline, judged.tally),
        "constraint_violations.json": modelmonitor.violations(judged.verdict),
    }
