"""The files that a run leaves, by name: for people, for machines, and for Model Monitor's readers."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipeline.drift import modelmonitor
from pipeline.drift.baseline import Baseline
from pipeline.drift.record import Record, dump_record
from pipeline.drift.summary import markdown
from pipeline.drift.tally import Tally
from pipeline.drift.verdict import Verdict

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
    # matplotlib takes half a second to import, which only a run that draws should wait for.
    from pipeline.drift.webpage import webpage  # noqa: PLC0415

    return {
        REPORT: webpage(judged).encode(),
        SUMMARY: markdown(judged.record, judged.verdict, judged.tally, report=report).encode(),
        RECORD: dump_record(judged.record),
        "statistics.json": modelmonitor.statistics(judged.baseline, judged.tally),
        "constraint_violations.json": modelmonitor.violations(judged.verdict),
    }
