"""The model: ONNX Runtime with one thread, checked against its schema before it may answer."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any, final

import msgspec
import numpy as np
import onnxruntime

from sagemaker_gitops_modelkit.serving.batch import Batch
from sagemaker_gitops_modelkit.serving.schema import Feature, Schema

COLUMNS = "columns of schema.json"
OUTPUTS = {"binary": "probabilities", "multiclass": "probabilities", "regression": "value"}
# Below this a thread costs more than it saves.
MIN_PART_ROWS = 2000


class ModelRefused(Exception):
    """The model does not load, does not fit its schema or fails its self-test."""


# Of one row: the probability of the positive class, those of all classes, or a regression's number.
Figure = Any


class Scores(msgspec.Struct, frozen=True, kw_only=True):
    """Answers in the order of the rows; a regression gives no labels."""

    labels: Sequence[str]
    figures: Sequence[Figure]


class Predictor:
    """Answers batches; safe to call from several threads."""

    def __init__(self, model: bytes, schema: Schema, *, threads: int = 1) -> None:
        self._threads = threads
        # It starts no thread before there is work for one, so that it survives a fork.
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="model")
        # In the graph's precision, as the training job judged it.
        self._threshold = float(np.float32(schema.threshold))
        self._task, self._labels = schema.task, schema.labels
        self._output = OUTPUTS[schema.task]
        self._session = _open(model)
        _check_signature(self._session, schema)
        self._self_test(schema)

    @final  # small requests are joined between the two, so a project overrides either of them
    def predict(self, batch: Batch) -> Scores:
        """Run the model once over the whole batch and apply the decision threshold."""
        return self.label(self.figures(batch))

    def figures(self, batch: Batch) -> list[Figure]:
        """Return what the model computes for each row; large batches are divided among threads."""
        rows = len(batch)
        parts = min(self._threads, rows // MIN_PART_ROWS)
        if parts < 2:
            return self._run(batch)
        size = -(-rows // parts)
        divided = [batch[start : start + size] for start in range(0, rows, size)]
        return list(chain.from_iterable(self._pool.map(self._run, divided)))

    def _run(self, batch: Batch) -> list[Figure]:
        (answers,) = self._session.run([self._output], {COLUMNS: batch})
        figures: list[Figure] = (answers if self._task == "multiclass" else answers[:, -1]).tolist()
        return figures

    def label(self, figures: Sequence[Any]) -> Scores:
        """Decide by the model's threshold between two classes, and for the likeliest of more."""
        labels = self._labels
        if self._task == "binary":
            threshold, (negative, positive) = self._threshold, labels
            given = [positive if probability >= threshold else negative for probability in figures]
            return Scores(labels=given, figures=figures)
        return Scores(labels=[labels[row.index(max(row))] for row in figures] if labels else (), figures=figures)

    def _self_test(self, schema: Schema) -> None:
        """Have the model answer two plausible rows as its task does before the server listens."""
        row = [_plausible(feature) for feature in schema.features]
        try:
            figures = self.figures(np.array([row, row], dtype=np.float32))
        except Exception as error:  # ONNX Runtime raises a class of its own for each status code
            raise ModelRefused(f"model.onnx fails its self-test: {error}") from error
        answers = np.array(figures, dtype=np.float64)
        valid = np.isfinite(answers) if schema.task == "regression" else (answers >= 0) & (answers <= 1)
        width = (len(schema.labels),) if schema.task == "multiclass" else ()
        if answers.shape != (2, *width) or not valid.all():
            raise ModelRefused(f"model.onnx fails its self-test: it answers {figures}")


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
    inputs = [(node.name, node.type, node.shape[1:]) for node in session.get_inputs()]
    expected = (COLUMNS, "tensor(float)", [len(schema.features)])
    if inputs != [expected]:
        raise ModelRefused(f"model.onnx and schema.json disagree about inputs: {inputs} instead of {[expected]}")
    described = session.get_modelmeta().custom_metadata_map.get("columns", "nothing")
    if not _describes(described, schema):
        raise ModelRefused(f"model.onnx and schema.json disagree about inputs: the graph's columns are {described}")
    if OUTPUTS[schema.task] not in {node.name for node in session.get_outputs()}:
        raise ModelRefused(f"model.onnx has no output {OUTPUTS[schema.task]!r}, which a {schema.task} task answers")


class _Column(msgspec.Struct, frozen=True):
    name: str
    categories: tuple[str, ...] = ()


def _describes(text: str, schema: Schema) -> bool:
    """Tell whether the training job meant the same columns, and by each number the same category."""
    try:
        columns = msgspec.json.decode(text, type=list[_Column])
    except msgspec.DecodeError:
        return False
    return columns == [_Column(feature.name, feature.categories) for feature in schema.features]


def _plausible(feature: Feature) -> float:
    """Choose a value that the feature takes; 0 is the place of a feature's first category."""
    return feature.minimum or feature.maximum or 0.0
