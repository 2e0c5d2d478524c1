"""What is wrong with a data set: types, ranges, categories, missing values, duplicates and leakage."""

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pandera.pandas as pa
from sklearn.metrics import roc_auc_score

from sagemaker_gitops_modelkit.training.data import numbers_of, target
from sagemaker_gitops_modelkit.training.feature_schema import CategoryFeature, NumberFeature, Schema

_KINDS = {"in_range": "range_violations", "isin": "category_violations"}


def expectations(schema: Schema) -> pa.DataFrameSchema:
    """Return what the schema promises, as pandera checks it; missing values are counted on their own."""
    columns: dict[str, Any] = {name: pa.Column(str) for name in schema.around}
    if schema.classes:
        columns[schema.target] = pa.Column(str, pa.Check.isin(list(schema.classes)))
    else:
        columns[schema.target] = pa.Column(float, coerce=True)
    for feature in schema.features:
        columns[feature.name] = _column(feature)
    return pa.DataFrameSchema(columns)


def _column(feature: NumberFeature | CategoryFeature) -> pa.Column:
    if isinstance(feature, NumberFeature):
        check = pa.Check.in_range(feature.minimum, feature.maximum)
        return pa.Column(float, check, nullable=True)
    return pa.Column(str, pa.Check.isin(list(feature.categories)), nullable=True)


def violations(text: pd.DataFrame, schema: Schema) -> dict[str, float]:
    """Count the values that break a type, a range or a list of categories, and the absent columns."""
    counts = dict.fromkeys(("type_violations", "range_violations", "category_violations"), 0.0)
    present = [feature.name for feature in schema.numbers if feature.name in text]
    numbers = {name: numbers_of(text[name]) for name in present}
    counts["type_violations"] += float(sum(np.isinf(column).sum() for column in numbers.values()))
    try:
        expectations(schema).validate(
            text.assign(**{n: c.replace(np.inf, np.nan) for n, c in numbers.items()}), lazy=True
        )
    except pa.errors.SchemaErrors as error:
        for check in error.failure_cases["check"]:
            counts[_KINDS.get(str(check).partition("(")[0], "type_violations")] += 1
    return counts


def completeness(text: pd.DataFrame, schema: Schema) -> dict[str, float]:
    """Return the number of rows, and the share of missing values in the worst column."""
    present = [name for name in schema.columns if name in text.columns]
    return {"rows": float(len(text)), "worst_missing_share": float(text[present].isna().mean().max())}


def duplicates(text: pd.DataFrame, schema: Schema) -> dict[str, float]:
    """Count ids that come again, and the share of rows that repeat another row but for the id."""
    without_id = text.drop(columns=schema.id)
    return {
        "duplicate_ids": float(text[schema.id].duplicated().sum()),
        "duplicate_row_share": float(without_id.duplicated().mean()),
    }


def leakage(text: pd.DataFrame, schema: Schema, *, inputs: Iterable[str]) -> dict[str, float]:
    """Count forbidden columns among a model's inputs, and find how well one feature alone predicts."""
    forbidden = set(schema.around)
    typed = (
        text if schema.classes else text.assign(**{schema.target: pd.to_numeric(text[schema.target], errors="coerce")})
    )
    outcomes = _outcomes(target(typed, schema), schema)
    present = [f for f in schema.features if f.name in text]
    aucs = [_auc(truth, _ranks(text[f.name], truth, f)) for truth in outcomes for f in present]
    return {
        "leaking_columns": float(len(forbidden & set(inputs))),
        "best_single_feature_auc": max(aucs),
    }


def _outcomes(truth: npt.NDArray[Any], schema: Schema) -> Iterator[npt.NDArray[np.int64]]:
    """Yield questions of yes and no: each class against the others, and a regression's number above its median."""
    if not schema.classes:
        yield (truth > np.nanmedian(truth)).astype(np.int64)
    for place in range(len(schema.classes)) if schema.task == "multiclass" else [1] * bool(schema.classes):
        yield (truth == place).astype(np.int64)


def _ranks(
    column: "pd.Series[Any]", truth: npt.NDArray[np.int64], feature: NumberFeature | CategoryFeature
) -> npt.NDArray[np.float64]:
    """Order a feature's values: numbers as they are, categories by how often they are positive."""
    if isinstance(feature, NumberFeature):
        numbers = pd.to_numeric(column, errors="coerce")
        return numbers.fillna(numbers.median()).to_numpy(dtype=np.float64)
    means = pd.Series(truth, index=column.index).groupby(column.fillna("")).transform("mean")
    return means.to_numpy(dtype=np.float64)


def _auc(truth: npt.NDArray[np.int64], ranks: npt.NDArray[np.float64]) -> float:
    auc = float(roc_auc_score(truth, ranks))
    return max(auc, 1 - auc)
