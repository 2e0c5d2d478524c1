"""The model: ONNX Runtime with one thread, checked against its schema before it may answer."""

from dataclasses import dataclass
from typing import Any

import batch
import numpy as np
import numpy.typing as npt
import onnxruntime
from batch import Batch
from schema import Feature, Schema

PROBABILITIES = "probabilities"
ONNX_TYPES = {"number": "tensor(float)", "category": "tensor(string)"}


class ModelRefused(Exception):
    """The model does not load, does not fit its schema or fails its self-test."""


@dataclass(frozen=True, kw_only=True)
class Scores:
    """Answers in the order of the rows; probabilities are of the positive class."""

    labels: list[str]
    positives: int
    probabilities: npt.NDArray[np.float32]


class Predictor:
    """Answers batches; safe to call from several threads."""

    def __init__(self, model: bytes, schema: Schema) -> None:
        self._schema = schema
        self._names = np.array(schema.labels, dtype=object)
        self._session = _open(model)
        _check_signature(self._session, schema)
        self._self_test()

    def predict(self, rows: Batch) -> Scores:
        """Run the model once over the whole batch and apply the decision threshold."""
        probabilities = self._probabilities(rows)
        chosen = (probabilities >= self._schema.threshold).astype(np.intp)
        labels: list[str] = self._names[chosen].tolist()
        return Scores(labels=labels, positives=int(chosen.sum()), probabilities=probabilities)

    def _probabilities(self, rows: Batch) -> npt.NDArray[np.float32]:
        (both,) = self._session.run([PROBABILITIES], rows.feeds)
        positive: npt.NDArray[np.float32] = both[:, 1]
        return positive

    def _self_test(self) -> None:
        """Have the model answer two plausible rows with probabilities before the server listens."""
        row = [_plausible(feature) for feature in self._schema.features]
        try:
            probabilities = self._probabilities(batch.from_rows(self._schema, [row, row]))
        except Exception as error:  # ONNX Runtime raises a class of its own for each status code
            raise ModelRefused(f"model.onnx fails its self-test: {error}") from error
        if probabilities.shape != (2,) or not bool(np.all((probabilities >= 0) & (probabilities <= 1))):
            raise ModelRefused(f"model.onnx fails its self-test: it answers {probabilities.tolist()}")


def _open(model: bytes) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # ONNX Runtime raises a class of its own for each status code
        raise ModelRefused(f"model.onnx does not load: {error}") from error


def _check_signature(session: Any, schema: Schema) -> None:
    expected = {feature.name: ONNX_TYPES[feature.type] for feature in schema.features}
    found = {node.name: node.type for node in session.get_inputs()}
    if found != expected:
        wrong = sorted(set(found.items()) ^ set(expected.items()))
        raise ModelRefused(f"model.onnx and schema.json disagree about inputs: {wrong}")
    if PROBABILITIES not in {node.name for node in session.get_outputs()}:
        raise ModelRefused(f"model.onnx has no output {PROBABILITIES!r}")


def _plausible(feature: Feature) -> float | str:
    if not feature.is_number:
        return feature.categories[0]
    return feature.minimum or feature.maximum or 0.0
