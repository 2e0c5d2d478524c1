"""From the bytes of one request to the bytes of its answer, without any input or output."""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from batch import Batch
from csv_input import CsvInput
from json_input import JsonInput
from predictor import Predictor, Scores
from problem import Problem
from schema import Schema
from settings import Settings

JSON = "application/json"
CSV = "text/csv"


@dataclass(frozen=True, kw_only=True)
class Form:
    """How the caller writes its rows and wants its answer."""

    content: str
    header: bool | None
    accept: str


class _Prediction(msgspec.Struct, gc=False):
    label: str
    probability: float


class _Answer(msgspec.Struct):
    predictions: list[_Prediction]
    model_version: str
    fingerprint: str
    inference_id: str


class Invocation:
    """Decodes, predicts and encodes; safe to call from several threads."""

    def __init__(self, schema: Schema, predictor: Predictor, settings: Settings) -> None:
        self._predictor = predictor
        self._settings = settings
        self._json = JsonInput(schema, max_rows=settings.max_rows)
        self._csv = CsvInput(schema, max_rows=settings.max_rows)
        self._encoder = msgspec.json.Encoder()

    def scores(self, body: bytes, form: Form) -> Scores:
        """Answer every row of the body, or raise the problem that lists what is wrong with it."""
        return self._predictor.predict(self._decode(body, form))

    def encode(self, scores: Scores, *, inference_id: str, form: Form) -> bytes:
        """Write the answer in the form that the caller accepts."""
        probabilities = scores.probabilities.tolist()
        if form.accept == CSV:
            return "".join(
                f"{label},{value}\n" for label, value in zip(scores.labels, probabilities, strict=True)
            ).encode()
        answer = _Answer(
            predictions=list(map(_Prediction, scores.labels, probabilities)),
            model_version=self._settings.model_version,
            fingerprint=self._settings.fingerprint,
            inference_id=inference_id,
        )
        return self._encoder.encode(answer)

    def _decode(self, body: bytes, form: Form) -> Batch:
        if form.content == CSV:
            return self._csv.decode(body, header=form.header)
        return self._json.decode(body)


def read_form(headers: Mapping[bytes, bytes]) -> Form:
    """Negotiate the media types of request and answer."""
    content, parameters = _media_type(headers.get(b"content-type", JSON.encode()))
    charset = parameters.get("charset", "utf-8").lower()
    coding = headers.get(b"content-encoding", b"identity").strip().lower()
    if content not in {JSON, CSV} or charset not in {"utf-8", "us-ascii"} or coding != b"identity":
        detail = f"expected {JSON} or {CSV} in UTF-8, uncompressed"
        raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type", detail)
    header = {"present": True, "absent": False}.get(parameters.get("header", "").lower())
    return Form(content=content, header=header, accept=_accepted(headers.get(b"accept", b"*/*")))


def _accepted(accept: bytes) -> str:
    offered = [_media_type(part)[0] for part in accept.split(b",")]
    if not {"*/*", "application/*", JSON, ""}.isdisjoint(offered):
        return JSON
    if not {"text/*", CSV}.isdisjoint(offered):
        return CSV
    raise Problem(HTTPStatus.NOT_ACCEPTABLE, "not-acceptable", f"answers are {JSON} or {CSV}")


def _media_type(value: bytes) -> tuple[str, Mapping[str, str]]:
    kind, *parameters = value.decode("latin-1").split(";")
    pairs = (parameter.partition("=") for parameter in parameters)
    return kind.strip().lower(), {name.strip().lower(): text.strip(' "') for name, _, text in pairs}
