"""What a run leaves for the runs after it: the trend, and what was decided."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

import msgspec

from sagemaker_gitops.monitor.policy import Decision, Past
from sagemaker_gitops.monitor.tally import Tally
from sagemaker_gitops.monitor.verdict import Verdict


class Served(msgspec.Struct, frozen=True, kw_only=True):
    """A release as the monitor names it."""

    version: int
    fingerprint: str


class Record(msgspec.Struct, frozen=True, kw_only=True):
    """One run: its window, its verdict and its decisions."""

    time: datetime
    start: datetime
    end: datetime
    endpoint: str
    release: Served
    outcome: str
    reason: str
    rows: int
    releases: Mapping[str, int]
    psi: Mapping[str, float] = {}
    quality: Mapping[str, float] = {}
    violations: Sequence[Mapping[str, str | float]] = ()
    decisions: Sequence[Decision] = ()


def rows_by_release(tally: Tally) -> dict[str, int]:
    """Count rows by the release that answered them."""
    counts: dict[str, int] = {}
    for releases in tally.reading.hours.values():
        for release, rows in releases.items():
            counts[release] = counts.get(release, 0) + rows
    return counts


def violation_rows(verdict: Verdict) -> list[dict[str, str | float]]:
    """Write violations down for machines."""
    return [
        {
            "subject": finding.subject.value,
            "feature": finding.feature,
            "check": finding.check,
            "value": finding.value,
            "limit": finding.limit,
            "p_value": finding.p_value,
            "description": finding.description,
        }
        for finding in verdict.violations
    ]


def dump_record(record: Record) -> bytes:
    """Write a record as JSON."""
    return msgspec.json.format(msgspec.json.encode(record), indent=1)


def load_records(contents: Iterable[bytes]) -> list[Record]:
    """Read records, oldest first; one that an older version wrote otherwise is passed over."""
    records = []
    for content in contents:
        try:
            records.append(msgspec.json.decode(content, type=Record))
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
    return sorted(records, key=lambda record: record.time)


def past_reactions(records: Iterable[Record]) -> list[Past]:
    """List what was done before."""
    return [
        Past(time=record.time, reaction=decision.reaction)
        for record in records
        for decision in record.decisions
        if decision.taken
    ]
