"""What the model answered: scores by bin, favourable answers by group, and answers whose truth is known."""

import csv
import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated

import msgspec
import numpy as np

from pipeline.drift.baseline import Baseline
from pipeline.drift.cells import is_missing
from pipeline.drift.events import UNREADABLE, Event
from pipeline.drift.labelled import Labelled
from pipeline.drift.payloads import Row
from pipeline.drift.tally import ScoreTally
from pipeline.drift.truth import Known, Truth


class Prediction(msgspec.Struct, gc=False):
    """One row's answer."""

    label: str
    probability: Annotated[float, msgspec.Meta(ge=0, le=1)]


class Answer(msgspec.Struct, gc=False):
    """What the serving container answers to a request."""

    predictions: list[Prediction]
    fingerprint: str | None = None
    inference_id: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One event with its answer decoded; `groups` are the rows' values of the protected attribute."""

    name: str
    hour: str
    release: str
    rows: int
    predictions: Sequence[Prediction]
    groups: Sequence[str]
    known: Known | None


_DECODER = msgspec.json.Decoder(Answer)


class CallReader:
    """Decodes answers and finds what ground truth says about them."""

    def __init__(self, baseline: Baseline, truth: Truth) -> None:
        self._known = truth.known
        self._width = len(baseline.contract.features) + 2

    def read(self, event: Event, rows: Sequence[Row], *, variant: str) -> Call:
        """Decode one event's answer; without one there are no predictions."""
        answer = _answer(event)
        meta = event.eventMetadata
        known = self._known.get(meta.inferenceId or answer.inference_id or "") or self._known.get(meta.eventId)
        return Call(
            name=meta.inferenceId or answer.inference_id or meta.eventId,
            hour=event.time[:13],
            release=(answer.fingerprint or variant.rpartition("-")[2])[:8],
            rows=len(rows),
            predictions=answer.predictions,
            groups=self._groups(rows, known, len(answer.predictions)),
            known=known if known and len(known.labels) == len(answer.predictions) else None,
        )

    def _groups(self, rows: Sequence[Row], known: Known | None, count: int) -> Sequence[str]:
        """Take the protected attribute from ground truth, or as the caller sent it along; "" is unknown."""
        groups: Sequence[str] = ()
        if known and known.groups:
            groups = known.groups
        elif rows and len(rows[0]) == self._width:
            groups = ["" if is_missing(row[-1]) else str(row[-1]) for row in rows]
        return groups if len(groups) == count else ("",) * count


def count_scores(calls: Sequence[Call], scores: ScoreTally, baseline: Baseline) -> None:
    """Add answers to the scores."""
    contract = baseline.contract
    probabilities = [row.probability for call in calls for row in call.predictions]
    scores.rows += len(probabilities)
    scores.labelled_positive += sum(row.label == contract.positive for call in calls for row in call.predictions)
    scores.counts += np.histogram(np.array(probabilities), baseline.scores.edges)[0]
    for call in calls:
        for group, row in zip(call.groups, call.predictions, strict=True):
            if group:
                numbers = scores.groups.setdefault(group, [0, 0])
                numbers[0] += 1
                numbers[1] += row.label == contract.favourable


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


def _answer(event: Event) -> Answer:
    output = event.captureData.endpointOutput
    try:
        if output is None:
            return Answer(predictions=[])
        return _DECODER.decode(output.text()) if output.is_json else _from_csv(output.text())
    except (*UNREADABLE, ValueError, csv.Error):
        return Answer(predictions=[])


def _from_csv(text: str) -> Answer:
    """Read an answer that the caller wanted as lines of label and probability; the variant tells its release."""
    rows = [row for row in csv.reader(text.splitlines(), strict=True) if row]
    named = [dict(zip(("label", "probability"), row, strict=True)) for row in rows]
    return Answer(predictions=msgspec.convert(named, list[Prediction], strict=False))
