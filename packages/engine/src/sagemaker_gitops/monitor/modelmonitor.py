"""The files of SageMaker Model Monitor: statistics of a window, and the constraints that it violates.

Sources: SageMaker Developer Guide, "Schema for Statistics" and "Schema for Violations".
"""

import json
import math
from typing import Any

from sagemaker_gitops.monitor.baseline import Baseline, CategoryBaseline, NumberBaseline
from sagemaker_gitops.monitor.finding import Finding
from sagemaker_gitops.monitor.tally import CategoryTally, NumberTally, Tally
from sagemaker_gitops.monitor.verdict import Verdict


def statistics(baseline: Baseline, tally: Tally) -> bytes:
    """Write statistics.json of a window."""
    features = [
        _number(tally.numbers[name], baseline.numbers[name])
        if name in tally.numbers
        else _category(tally.categories[name], baseline.categories[name])
        for name in baseline.contract.names
    ]
    return _json({"version": 0.0, "dataset": {"item_count": tally.reading.rows}, "features": features})


def violations(verdict: Verdict) -> bytes:
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
