"""What the training rows look like, in the two file formats of SageMaker Model Monitor.

Sources: the SageMaker Developer Guide's "Schema for Statistics (statistics.json file)" and "Schema for
Constraints (constraints.json file)".
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sagemaker_gitops_modelkit.training.feature_schema import CategoryFeature, NumberFeature, Schema

BUCKETS = 10
# The sketch's own parameters, as Model Monitor writes them.
SKETCH = {"c": 0.64, "k": 2048.0}
MONITORING = {
    "evaluate_constraints": "Enabled",
    "emit_metrics": "Enabled",
    "datatype_check_threshold": 1.0,
    "domain_content_threshold": 1.0,
    "distribution_constraints": {
        "perform_comparison": "Enabled",
        "comparison_threshold": 0.1,
        "comparison_method": "Robust",
        "categorical_comparison_threshold": 0.1,
        "categorical_drift_method": "LInfinity",
    },
}


def statistics(table: pd.DataFrame, schema: Schema) -> dict[str, Any]:
    """Return the content of statistics.json for a table of features."""
    return {
        "version": 0.0,
        "dataset": {"item_count": len(table)},
        "features": [_describe(feature, table[feature.name]) for feature in schema.features],
    }


def _describe(feature: NumberFeature | CategoryFeature, column: "pd.Series[Any]") -> dict[str, Any]:
    if isinstance(feature, NumberFeature):
        present = np.sort(column.dropna().to_numpy(dtype=np.float64))
        return {
            "name": feature.name,
            "inferred_type": "Fractional",
            "numerical_statistics": _numerical(present, missing=len(column) - len(present)),
        }
    values = column[column != ""]
    return {
        "name": feature.name,
        "inferred_type": "String",
        "string_statistics": _categorical(values, missing=len(column) - len(values)),
    }


def _numerical(present: npt.NDArray[np.float64], *, missing: int) -> dict[str, Any]:
    common = {"num_present": len(present), "num_missing": missing}
    if not len(present):
        return {"common": common}
    return {
        "common": common,
        "mean": float(present.mean()),
        "sum": float(present.sum()),
        "std_dev": float(present.std()),
        "min": float(present[0]),
        "max": float(present[-1]),
        "distribution": {
            "kll": {"buckets": _buckets(present), "sketch": {"parameters": SKETCH, "data": sketch(present)}}
        },
    }


def _buckets(present: npt.NDArray[np.float64]) -> list[dict[str, float]]:
    counts, edges = np.histogram(present, BUCKETS)
    return [
        {"lower_bound": float(low), "upper_bound": float(high), "count": float(count)}
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]


def sketch(ordered: npt.NDArray[np.float64]) -> list[list[float]]:
    """Return a KLL sketch of sorted values: a value in list number h stands for 2**h of them."""
    height = 0
    while len(ordered) >> height > SKETCH["k"]:
        height += 1
    step = 2**height
    whole = len(ordered) - len(ordered) % step
    levels: list[list[float]] = [[] for _ in range(height + 1)]
    levels[0] = ordered[whole:].tolist()
    levels[height] += ordered[:whole][step // 2 :: step].tolist()
    return levels


def _categorical(values: "pd.Series[Any]", *, missing: int) -> dict[str, Any]:
    counts = {str(value): int(count) for value, count in values.value_counts().items()}
    buckets = [{"value": value, "count": counts[value]} for value in sorted(counts)]
    return {
        "common": {"num_present": len(values), "num_missing": missing},
        "distinct_count": len(counts),
        "distribution": {"categorical": {"buckets": buckets}},
    }


def constraints(table: pd.DataFrame, schema: Schema) -> dict[str, Any]:
    """Return the content of constraints.json for a table of features."""
    return {
        "version": 0.0,
        "features": [_constrain(feature, table[feature.name]) for feature in schema.features],
        "monitoring_config": MONITORING,
    }


def _constrain(feature: NumberFeature | CategoryFeature, column: "pd.Series[Any]") -> dict[str, Any]:
    if isinstance(feature, NumberFeature):
        return {
            "name": feature.name,
            "inferred_type": "Fractional",
            "completeness": float(column.notna().mean()),
            "num_constraints": {"is_non_negative": bool((column.dropna() >= 0).all())},
        }
    return {
        "name": feature.name,
        "inferred_type": "String",
        "completeness": float((column != "").mean()),
        "string_constraints": {"domains": list(feature.categories)},
    }
