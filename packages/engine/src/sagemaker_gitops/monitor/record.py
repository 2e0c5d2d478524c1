"""What a run leaves for programs: its record for later runs, and Model Monitor's statistics and violations.

Sources: SageMaker Developer Guide, "Schema for Statistics" and "Schema for Violations".
"""

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

import msgspec

from sagemaker_gitops.monitor.baseline import Baseline, CategoryBaseline, NumberBaseline
from sagemaker_gitops.monitor.checks import Finding
from sagemaker_gitops.monitor.policy import Decision, Past
from sagemaker_gitops.monitor.tally import CategoryTally, NumberTally, Tally
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


def model_monitor_statistics(baseline: Baseline, tally: Tally) -> bytes:
    """Write statistics.json of a window."""
    features = [
        _number(tally.numbers[name], baseline.numbers[name])
        if name in tally.numbers
        else _category(tally.categories[name], baseline.categories[name])
        for name in baseline.contract.names
    ]
    return _json({"version": 0.0, "dataset": {"item_count": tally.reading.rows}, "features": features})


def model_monitor_violations(verdict: Verdict) -> bytes:
    """Write constraint_violations.json."""
    return _json({"violations": [_violation(finding) for finding in verdict.violations]})


def _violation(finding: Finding) -> dict[str, str]:
    return {
        "feature_name": finding.feature or finding.metric,
        "constraint_check_type": finding.check,
        "description": finding.description,
    }


def _number(tally: NumberTally, baseline: NumberBaseline) -> dict[str, Any]:
    common = {"num_present": tally.present, "num_missing": tally.missing + tally.invalid}
    described: dict[str, Any] = {"common": common}
    if tally.present:
        mean = tally.total / tally.present
        described |= {
            "mean": mean,
            "sum": tally.total,
            "std_dev": math.sqrt(max(tally.squares / tally.present - mean**2, 0.0)),
            "min": tally.low,
            "max": tally.high,
            "distribution": {"kll": {"buckets": _buckets(tally, baseline)}},
        }
    return {"name": baseline.feature.name, "inferred_type": "Fractional", "numerical_statistics": described}


def _buckets(tally: NumberTally, baseline: NumberBaseline) -> list[dict[str, float]]:
    """Write the coarse bins: ten, as the prebuilt container does."""
    edges = baseline.bins.edges[baseline.bins.coarse[1:] - 1]
    counts = baseline.bins.coarsen(tally.counts)
    ends = [min(tally.low, edges[0]), *edges, max(tally.high, edges[-1])]
    return [
        {"lower_bound": float(low), "upper_bound": float(high), "count": float(count)}
        for low, high, count in zip(ends, ends[1:], counts, strict=False)
    ]


def _category(tally: CategoryTally, baseline: CategoryBaseline) -> dict[str, Any]:
    counts = dict(zip(baseline.categories, map(int, tally.counts), strict=True)) | tally.names
    seen = {name: count for name, count in sorted(counts.items()) if count}
    return {
        "name": baseline.feature.name,
        "inferred_type": "String",
        "string_statistics": {
            "common": {"num_present": tally.present, "num_missing": tally.missing + tally.invalid},
            "distinct_count": len(seen),
            "distribution": {
                "categorical": {"buckets": [{"value": name, "count": count} for name, count in seen.items()]}
            },
        },
    }


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=1) + "\n").encode()
