"""An additive regression: a smooth curve for each number. ONNX knows no splines, so the model is a skops file."""

from typing import Any

import numpy as np
import pandas as pd
import skops.io
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer

Schema = dict[str, Any]
FILE = "model.skops"
# What skops may build beyond scikit-learn's own and numpy's; model/inference/engine.py has the same list.
TRUSTED = ("scipy._lib.array_api_compat.numpy._aliases.asarray", "scipy.interpolate._bsplines.BSpline")


def fit(table: pd.DataFrame, schema: Schema, *, alpha: float, degree: int) -> Pipeline:
    """Fit on a table."""
    columns = ColumnTransformer(
        [
            ("numbers", SplineTransformer(n_knots=4, degree=degree), _names(schema, "number")),
            ("categories", OneHotEncoder(drop="first", sparse_output=False), _names(schema, "category")),
        ]
    )
    return Pipeline([("columns", columns), ("ridge", Ridge(alpha=alpha))]).fit(table, table[schema["target"]])


def export(pipeline: Pipeline, schema: Schema) -> bytes:
    """Return the model as skops writes it: data and names of types, no code; ValueError names a type too many."""
    model: bytes = skops.io.dumps(pipeline)
    unknown = sorted(set(skops.io.get_untrusted_types(data=model)) - set(TRUSTED))
    if unknown:
        raise ValueError(f"the model of {len(schema['features'])} features needs types nobody trusts: {unknown}")
    return model


def predict(model: bytes, table: pd.DataFrame, schema: Schema) -> "np.ndarray[Any, Any]":
    """Run the stored model on a table, shape (rows,)."""
    names = [feature["name"] for feature in schema["features"]]
    return np.asarray(skops.io.loads(model, trusted=list(TRUSTED)).predict(table[names]), dtype=np.float64)


def _names(schema: Schema, kind: str) -> list[str]:
    return [feature["name"] for feature in schema["features"] if feature["type"] == kind]
