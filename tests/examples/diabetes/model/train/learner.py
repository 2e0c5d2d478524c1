"""The regression: scaled numbers, one column a category, a ridge; and its ONNX form."""

from typing import Any

import numpy as np
import onnxruntime
import pandas as pd
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures, StandardScaler

Schema = dict[str, Any]
FILE = "model.onnx"


def fit(table: pd.DataFrame, schema: Schema, *, alpha: float, degree: int) -> Pipeline:
    """Fit on a table."""
    numbers = make_pipeline(StandardScaler(), PolynomialFeatures(degree, include_bias=False))
    columns = ColumnTransformer(
        [
            ("numbers", numbers, _names(schema, "number")),
            ("categories", OneHotEncoder(drop="first", sparse_output=False), _names(schema, "category")),
        ]
    )
    return Pipeline([("columns", columns), ("ridge", Ridge(alpha=alpha))]).fit(table, table[schema["target"]])


def export(pipeline: Pipeline, schema: Schema) -> bytes:
    """Return the serialized graph: one input a feature, shape (rows, 1); one output, shape (rows, 1)."""
    kinds = {"number": FloatTensorType([None, 1]), "category": StringTensorType([None, 1])}
    inputs = [(feature["name"], kinds[feature["type"]]) for feature in schema["features"]]
    graph = convert_sklearn(pipeline, "regression", inputs, target_opset={"": 18, "ai.onnx.ml": 3})
    return bytes(graph.SerializeToString(deterministic=True))


def predict(model: bytes, table: pd.DataFrame, schema: Schema) -> "np.ndarray[Any, Any]":
    """Run the graph on a table, shape (rows,)."""
    kinds = {"number": np.float32, "category": object}
    session = onnxruntime.InferenceSession(model, providers=["CPUExecutionProvider"])
    feeds = {item["name"]: table[[item["name"]]].to_numpy(kinds[item["type"]]) for item in schema["features"]}
    return np.asarray(session.run(None, feeds)[0], dtype=np.float64).reshape(-1)


def _names(schema: Schema, kind: str) -> list[str]:
    return [feature["name"] for feature in schema["features"] if feature["type"] == kind]
