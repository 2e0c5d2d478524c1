"""From the bytes of a request to rows, and from scores to the bytes of an answer."""

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


class _Answer(msgspec.Struct):
    predictions: list[_Prediction]
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

    def decode(self, body: bytes, form: Form) -> Batch:
        """Read and validate every row of the body, or raise the problem that lists what is wrong."""
        if form.content == ARROW:
            return self._arrow.decode(body)
        return self._csv.decode(body, header=form.header) if form.content == CSV else self._json.decode(body)

    def encode(self, scores: Scores, form: Form, *, inference_id: str) -> bytes:
        """Write the answer in the form that the caller accepts."""
        if form.accept == CSV:
            return "".join(map("{},{}\n".format, scores.labels, scores.probabilities)).encode()
        answer = _Answer(
            predictions=list(map(_Prediction, scores.labels, scores.probabilities)),
            model_version=self._settings.model_version,
            fingerprint=self._settings.fingerprint,
            inference_id=inference_id,
        )
        return self._encoder.encode(answer)
