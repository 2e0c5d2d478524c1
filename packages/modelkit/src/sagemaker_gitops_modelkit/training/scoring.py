"""Run the exported graph: probabilities or a value for each row, and a binary task's label."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime
import pandas as pd

from sagemaker_gitops_modelkit.training.data import onnx_inputs
from sagemaker_gitops_modelkit.training.feature_schema import Schema

# The graph's one output: a column for each class in the schema's order, or a regression's number.
PROBABILITIES, VALUE = "probabilities", "value"


def open_session(model: bytes) -> onnxruntime.InferenceSession:
    """Load a graph on one thread, so that sums have one order and answers are the same everywhere."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def score(session: onnxruntime.InferenceSession, table: pd.DataFrame, schema: Schema) -> npt.NDArray[np.float64]:
    """Return what the graph answers each row of a table, as `figures` shapes it."""
    return run(session, onnx_inputs(table, schema))


def run(session: onnxruntime.InferenceSession, inputs: Mapping[str, npt.NDArray[Any]]) -> npt.NDArray[np.float64]:
    """Return what the graph answers its own inputs, as `figures` shapes it."""
    (answers,) = session.run(None, dict(inputs))
    return figures(np.asarray(answers, dtype=np.float64))


def figures(answers: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Shape answers, a line a row: two classes are told by the positive one's probability, more by all of theirs."""
    return answers if answers.shape[1] > 2 else answers[:, -1]


def positive(probability: npt.NDArray[np.float64], threshold: float) -> npt.NDArray[np.int64]:
    """Return 1 where the positive label is given, compared in the graph's precision as the server does."""
    return (probability.astype(np.float32) >= np.float32(threshold)).astype(np.int64)
