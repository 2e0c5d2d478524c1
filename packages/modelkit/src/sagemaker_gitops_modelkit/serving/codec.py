"""From the bytes of a request to rows, and from scores to the bytes of an answer."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from sagemaker_gitops_modelkit.serving.arrow_input import ArrowInput
from sagemaker_gitops_modelkit.serving.batch import Batch
from sagemaker_gitops_modelkit.serving.csv_input import CsvInput
from sagemaker_gitops_modelkit.serving.json_input import JsonInput
from sagemaker_gitops_modelkit.serving.media import ARROW, CSV, Form
from sagemaker_gitops_modelkit.serving.predictor import Scores
from sagemaker_gitops_modelkit.serving.schema import Schema
from sagemaker_gitops_modelkit.serving.settings import Settings


class _Prediction(msgspec.Struct, gc=False):
    label: str
    probability: float


class _ClassPrediction(msgspec.Struct, gc=False):
    label: str
    probabilities: dict[str, float]


class _Value(msgspec.Struct, gc=False):
    value: float


class _Answer(msgspec.Struct):
    predictions: list[_Prediction] | list[_ClassPrediction] | list[_Value]
    model_version: str
    fingerprint: str
    inference_id: str


class Codec:
    """Reads and writes every media type that the server knows; safe to use from several threads."""

    def __init__(self, schema: Schema, settings: Settings) -> None:
        self._settings = settings
        self._json = JsonInput(schema, max_rows=settings.max_rows)
        self._csv = CsvInput(schema, max_rows=settings.max_rows)
        self._arrow = ArrowInput(schema, max_rows=settings.max_rows)
        self._encoder = msgspec.json.Encoder()
        self._task, self._labels = schema.task, schema.labels
        self._cells = {label: _cell(label) for label in schema.labels}

    def decode(self, body: bytes, form: Form) -> Batch:
        """Read and validate every row of the body, or raise the problem that lists what is wrong."""
        if form.content == ARROW:
            return self._arrow.decode(body)
        return self._csv.decode(body, header=form.header) if form.content == CSV else self._json.decode(body)

    def encode(self, scores: Scores, form: Form, *, inference_id: str) -> bytes:
        """Write the answer in the form that the caller accepts."""
        if form.accept == CSV:
            return "".join(f"{','.join(cells)}\n" for cells in self._lines(scores)).encode()
        answer = _Answer(
            predictions=self._predictions(scores),
            model_version=self._settings.model_version,
            fingerprint=self._settings.fingerprint,
            inference_id=inference_id,
        )
        return self._encoder.encode(answer)

    def _predictions(self, scores: Scores) -> Any:
        if self._task == "binary":
            return list(map(_Prediction, scores.labels, scores.figures))
        if self._task == "regression":
            return list(map(_Value, scores.figures))
        named = (dict(zip(self._labels, row, strict=True)) for row in scores.figures)
        return list(map(_ClassPrediction, scores.labels, named))

    def _lines(self, scores: Scores) -> Iterator[Iterable[str]]:
        """Yield the cells of each row: its label, then its probabilities in the schema's order; or its value."""
        if self._task == "regression":
            return ((repr(value),) for value in scores.figures)
        cells = map(self._cells.__getitem__, scores.labels)
        if self._task == "binary":
            return zip(cells, map(repr, scores.figures), strict=True)
        return ((cell, *map(repr, row)) for cell, row in zip(cells, scores.figures, strict=True))


def _cell(text: str) -> str:
    """Quote a label where RFC 4180 asks for it."""
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\r\n') else text
