"""What the training rows look like, as `monitor` compares live traffic with them: Model Monitor's two files."""

from typing import Any

import pandas as pd

Schema = dict[str, Any]


def statistics(table: pd.DataFrame, schema: Schema) -> dict[str, Any]:
    """Return the content of statistics.json."""
    described = [{"name": item["name"], **_DESCRIBE[item["type"]](table[item["name"]])} for item in schema["features"]]
    return {"version": 0.0, "dataset": {"item_count": len(table)}, "features": described}


def constraints(schema: Schema) -> dict[str, Any]:
    """Return the content of constraints.json; a row without a value never came this far."""
    return {"version": 0.0, "features": [_constrain(item) for item in schema["features"]]}


def _numerical(column: "pd.Series[Any]") -> dict[str, Any]:
    # A KLL sketch of so few values is the values themselves.
    sketch = {"parameters": {"c": 0.64, "k": 2048.0}, "data": [sorted(column.astype(float))]}
    figures = {"mean": column.mean(), "sum": column.sum(), "std_dev": column.std(ddof=0)}
    return {
        "inferred_type": "Fractional",
        "numerical_statistics": {
            "common": {"num_present": len(column), "num_missing": 0},
            **{name: float(value) for name, value in {**figures, "min": column.min(), "max": column.max()}.items()},
            "distribution": {"kll": {"sketch": sketch}},
        },
    }


def _categorical(column: "pd.Series[Any]") -> dict[str, Any]:
    buckets = [{"value": value, "count": int(count)} for value, count in column.value_counts().sort_index().items()]
    return {
        "inferred_type": "String",
        "string_statistics": {
            "common": {"num_present": len(column), "num_missing": 0},
            "distinct_count": len(buckets),
            "distribution": {"categorical": {"buckets": buckets}},
        },
    }


def _constrain(item: dict[str, Any]) -> dict[str, Any]:
    if item["type"] == "category":
        domains = {"domains": item["categories"]}
        return {"name": item["name"], "inferred_type": "String", "completeness": 1.0, "string_constraints": domains}
    range_ = {"is_non_negative": item["minimum"] >= 0}
    return {"name": item["name"], "inferred_type": "Fractional", "completeness": 1.0, "num_constraints": range_}


_DESCRIBE = {"number": _numerical, "category": _categorical}
