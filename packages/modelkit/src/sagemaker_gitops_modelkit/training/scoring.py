"""Run the exported graph: the probability of the positive class for each row, and its label."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd

from sagemaker_gitops_modelkit.training.data import onnx_inputs
from sagemaker_gitops_modelkit.training.feature_schema import Schema

OUTPUT = "probabilities"


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """Load a graph on one thread, so that sums have one order and answers are the same everywhere."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def score(session: onnxruntime.InferenceSession, table: pd.DataFrame, schema: Schema) -> npt.NDArray[np.float64]:
    """Return the probability of the positive class for each row of a table, shape (rows,)."""
    return run(session, onnx_inputs(table, schema))


def run(session: onnxruntime.InferenceSession, inputs: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
    """Return the probability of the positive class for the graph's own inputs, shape (rows,)."""
    (probabilities,) = session.run([OUTPUT], dict(inputs))
    return np.asarray(probabilities, dtype=np.float64)[:, 1]


def positive(probability: npt.NDArray[np.float64], threshold: float) -> npt.NDArray[np.int64]:
    """Return 1 where the positive label is given, compared in the graph's precision as the server does."""
    return (probability.astype(np.float32) >= np.float32(threshold)).astype(np.int64)
