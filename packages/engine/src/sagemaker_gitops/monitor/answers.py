"""What the model predicted and what proved true: answers, and ground truth in Model Monitor's format.

Source: SageMaker Developer Guide, "Ingest Ground Truth labels and merge them with predictions".
"""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain
from typing import Annotated, Any, Literal

import msgspec
import numpy as np
from sagemaker_gitops_modelkit.cells import read_number, read_rows

from sagemaker_gitops.monitor.baseline import Baseline, Contract
from sagemaker_gitops.monitor.columns import group_name
from sagemaker_gitops.monitor.events import UNREADABLE, Event, NamedMetadata, Payload, forms, texts
from sagemaker_gitops.monitor.requests import Row
from sagemaker_gitops.monitor.tally import Labelled, ScoreTally, TruthLines


class TruthMetadata(msgspec.Struct, gc=False):
    """Which call the truth is about: its inference id, or the event id that AWS gave it."""

    eventId: str  # noqa: N815


class TruthRecord(msgspec.Struct, gc=False):
    """One line of a ground truth file."""

    groundTruthData: Payload  # noqa: N815
    eventMetadata: TruthMetadata  # noqa: N815


class Known(msgspec.Struct, frozen=True, gc=False):
    """The true labels of one call's rows, and the rows' groups where they are known."""

    labels: tuple[bool, ...]
    groups: tuple[str, ...] = ()


class Truth(msgspec.Struct, kw_only=True):
    """What is known by now, by inference id."""

    known: dict[str, Known] = {}
    lines: TruthLines = msgspec.field(default_factory=TruthLines)


_DECODER = msgspec.json.Decoder(TruthRecord)
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
# Model Monitor's examples write 1 and 0; programs write a truth value in their own words.
_NUMBERS = {"true": 1.0, "yes": 1.0, "1": 1.0, "false": 0.0, "no": 0.0, "0": 0.0}


def read_truth(lines: Iterable[bytes], contract: Contract) -> Truth:
    """Read lines, older files first: a later line about the same call replaces an earlier one.

    A regression's truth is not judged, so none of its lines is read.
    """
    truth = Truth()
    for line in lines if contract.positive else ():
        text = line.removeprefix(_BYTE_ORDER_MARK).strip()
        if not text:
            continue
        truth.lines.total += 1
        try:
            record = _DECODER.decode(text)
            known = _known(record.groundTruthData, contract)
        except (*UNREADABLE, ValueError, KeyError, TypeError, csv.Error):
            truth.lines.unreadable += 1
        else:
            _remember(truth, record.eventMetadata.eventId, known)
    return truth


def _remember(truth: Truth, call: str, known: Known) -> None:
    before = truth.known.get(call)
    if before is not None:
        truth.lines.repeated += 1
        truth.lines.contradicting += before.labels != known.labels
    truth.known[call] = known


def _known(payload: Payload, contract: Contract) -> Known:
    if payload.form != "json":
        labels = [cell for row in read_rows(payload.text().splitlines()) for cell in row]
        return Known(_positives(labels, contract))
    value = msgspec.json.decode(payload.text())
    rows: list[Any] = value if isinstance(value, list) else [value]
    labels = [row[contract.target] if isinstance(row, dict) else row for row in rows]
    groups = [row[contract.protected] for row in rows if isinstance(row, dict) and contract.protected in row]
    return Known(
        _positives(labels, contract),
        tuple(map(group_name, groups)) if len(groups) == len(rows) else (),
    )


def _positives(labels: Sequence[object], contract: Contract) -> tuple[bool, ...]:
    if not labels:
        raise ValueError("no label")
    return tuple(_is_positive(label, contract) for label in labels)


def _is_positive(label: object, contract: Contract) -> bool:
    """Compare a label with the declared ones: as it is written, in any case, then by the number that it stands for."""
    text = str(label).strip()
    for alike in (str, str.casefold, _number_meant):
        positive, negative = (alike(declared) == alike(text) for declared in (contract.positive, contract.negative))
        if positive is not negative:
            return positive
    if (number := _number_meant(text)) in {0.0, 1.0}:
        return number == 1.0
    raise ValueError(f"{text!r} is neither {contract.positive!r} nor {contract.negative!r}")


def _number_meant(text: str) -> float | str:
    """Return the number that a label is or stands for, and other text as it is."""
    if text.casefold() in _NUMBERS:
        return _NUMBERS[text.casefold()]
    try:
        number = read_number(text)
    except ValueError:
        return text
    return text if number is None else number


class Prediction(msgspec.Struct, gc=False):
    """One row's answer."""

    label: str
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)]


class Answer(msgspec.Struct, gc=False):
    """What the serving container answers to a request."""

    predictions: list[Prediction]
    fingerprint: str | None = None
    inference_id: str | None = None


NO_ANSWER = Answer(predictions=[])


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One event in detail; `groups` are the rows' values of the protected attribute, "" where unknown."""

    name: str
    predictions: Sequence[Prediction]
    groups: Sequence[str]
    known: Known | None


_ANSWER = msgspec.json.Decoder(Answer)
_ANSWERS = msgspec.json.Decoder(list[Answer])


class AnswerReader:
    """Decodes answers with the labels that the contract knows."""

    def __init__(self, contract: Contract) -> None:
        self._labels = (contract.negative, contract.positive)

    def read(self, payloads: Sequence[Payload | None]) -> list[Answer]:
        """Decode answers: all at once where each is JSON, else one by one; what is none has no predictions."""
        given = [payload for payload in payloads if payload is not None]
        try:
            if len(given) == len(payloads) and set(forms(given)) == {"json"}:
                answers = self._at_once(texts(given))
                if len(answers) == len(given):
                    return answers
        except (*UNREADABLE, ValueError):
            pass  # one of them is none
        return [_answer(payload) for payload in payloads]

    def _at_once(self, bodies: Sequence[str]) -> list[Answer]:
        content = f"[{','.join(bodies)}]"
        fingerprint = _ANSWER.decode(bodies[0]).fingerprint
        if fingerprint:
            try:
                return _of_one_release(fingerprint, self._labels).decode(content)
            except UNREADABLE:
                pass  # they are of several releases, or hold other labels
        return _ANSWERS.decode(content)


@lru_cache(maxsize=16)
def _of_one_release(fingerprint: str, labels: tuple[str, ...]) -> "msgspec.json.Decoder[list[Answer]]":
    """Decode answers that differ in little: msgspec makes no text of what can be one of a few only."""
    prediction: Any = msgspec.defstruct("Known", [("label", Literal[labels])], bases=(Prediction,), gc=False)
    fields: list[Any] = [("predictions", list[prediction]), ("fingerprint", Literal[fingerprint])]
    answer: Any = msgspec.defstruct("OfOneRelease", fields, bases=(Answer,), gc=False)
    return msgspec.json.Decoder(list[answer])


class CallReader:
    """Brings answers together with what ground truth and callers say about their rows."""

    def __init__(self, baseline: Baseline, truth: Truth) -> None:
        self._known = truth.known
        self._width = len(baseline.contract.features) + 2

    def read(self, event: Event, answer: Answer, rows: Sequence[Row]) -> Call:
        """Look at one call in detail."""
        meta, count = event.eventMetadata, len(answer.predictions)
        name, known = self._look_up(meta, answer) if isinstance(meta, NamedMetadata) else ("", None)
        return Call(
            name=name,
            predictions=answer.predictions,
            groups=self._groups(rows, known, count),
            known=known if known and len(known.labels) == count else None,
        )

    def _look_up(self, meta: NamedMetadata, answer: Answer) -> tuple[str, Known | None]:
        name = str(meta.inferenceId or answer.inference_id or meta.eventId)
        return name, self._known.get(name) or self._known.get(str(meta.eventId))

    def _groups(self, rows: Sequence[Row], known: Known | None, count: int) -> Sequence[str]:
        """Take the protected attribute from ground truth, or as the caller sent it along."""
        groups: Sequence[str] = ()
        if known and known.groups:
            groups = known.groups
        elif rows and len(rows[0]) == self._width:
            groups = [group_name(row[-1]) for row in rows]
        return groups if len(groups) == count else ("",) * count


def count_scores(answers: Sequence[Answer], scores: ScoreTally, baseline: Baseline) -> None:
    """Add answers to the scores."""
    predictions = list(chain.from_iterable([answer.predictions for answer in answers]))
    positive = baseline.contract.positive
    scores.rows += len(predictions)
    scores.labelled_positive += [row.label for row in predictions].count(positive)
    scores.counts += np.histogram(np.array([row.probability for row in predictions]), baseline.scores.edges)[0]


def count_groups(calls: Iterable[Call], scores: ScoreTally, *, favourable: str) -> None:
    """Add answers to the scores of their groups."""
    for call in calls:
        for group, row in zip(call.groups, call.predictions, strict=True):
            if group:
                numbers = scores.groups.setdefault(group, [0, 0])
                numbers[0] += 1
                numbers[1] += row.label == favourable


def labelled_rows(calls: Iterable[Call], *, positive: str) -> dict[str, Labelled]:
    """Collect the answers whose truth is known, by group."""
    found: dict[str, list[tuple[int, float, bool, bool]]] = {}
    for call in calls:
        labels = call.known.labels if call.known else ()
        for index, (group, row, truth) in enumerate(zip(call.groups, call.predictions, labels, strict=False)):
            entry = (_key(call.name, index), row.probability, row.label == positive, truth)
            found.setdefault(group, []).append(entry)
    return {group: _columns(entries) for group, entries in found.items()}


def _columns(entries: Sequence[tuple[int, float, bool, bool]]) -> Labelled:
    keys, probabilities, predicted, truth = zip(*entries, strict=True)
    return Labelled(
        key=np.array(keys, dtype=np.uint64),
        probability=np.array(probabilities, dtype=np.float64),
        predicted=np.array(predicted, dtype=np.bool_),
        truth=np.array(truth, dtype=np.bool_),
    )


def _key(call: str, index: int) -> int:
    digest = hashlib.blake2b(f"{call}#{index}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


def _answer(payload: Payload | None) -> Answer:
    try:
        if payload is None:
            return NO_ANSWER
        return _ANSWER.decode(payload.text()) if payload.form == "json" else _from_csv(payload.text())
    except (*UNREADABLE, ValueError, csv.Error):
        return NO_ANSWER


def _from_csv(text: str) -> Answer:
    """Read an answer that the caller wanted as lines of label and probability; the variant tells its release."""
    rows = [row for row in csv.reader(text.splitlines(), strict=True) if row]
    named = [dict(zip(("label", "probability"), row, strict=True)) for row in rows]
    return Answer(predictions=msgspec.convert(named, list[Prediction], strict=False))
