"""Captured events as predictions: what each variant said, and where two of them agree."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Protocol

from sagemaker_gitops.release.checks import Agreement, Answers

# Our own requests to a variant carry this in their inference id; they are no callers' traffic.
VERIFICATION_PREFIX = "verification-"


class EventView(Protocol):
    """One captured request."""

    @property
    def inference_id(self) -> str: ...  # noqa: D102
    @property
    def time(self) -> datetime: ...  # noqa: D102
    @property
    def asked(self) -> str: ...  # noqa: D102
    @property
    def answered(self) -> str: ...  # noqa: D102
    @property
    def answer_type(self) -> str: ...  # noqa: D102


Prediction = tuple[str, float]


def answers(events: Iterable[EventView]) -> Answers:
    """Count labels and collect probabilities."""
    labels: Counter[str] = Counter()
    probabilities: list[float] = []
    requests = 0
    for event in callers(events):
        requests += 1
        for label, probability in predictions(event):
            labels[label] += 1
            probabilities.append(probability)
    return Answers(requests=requests, labels=labels, probabilities=tuple(probabilities))


def agreement(candidate: Iterable[EventView], champion: Iterable[EventView]) -> Agreement:
    """Compare a shadow's labels with its champion's, request by request."""
    said = {_identity(event): predictions(event) for event in callers(champion)}
    rows = equal = 0
    for event in callers(candidate):
        for (new, _), (old, _) in zip(predictions(event), said.get(_identity(event), []), strict=False):
            rows += 1
            equal += new == old
    return Agreement(rows=rows, equal=equal)


def callers(events: Iterable[EventView]) -> list[EventView]:
    """Leave out the pipeline's own requests."""
    return [event for event in events if not event.inference_id.startswith(VERIFICATION_PREFIX)]


def predictions(event: EventView) -> Sequence[Prediction]:
    """Read the label and probability of each row; nothing where the answer is of another kind."""
    try:
        if event.answer_type.startswith("text/csv"):
            return [_csv_row(line) for line in event.answered.splitlines() if line]
        return [(str(item["label"]), float(item["probability"])) for item in json.loads(event.answered)["predictions"]]
    except (ValueError, KeyError, TypeError):
        return []


def _csv_row(line: str) -> Prediction:
    label, _, probability = line.rpartition(",")
    return label, float(probability)


def _identity(event: EventView) -> str:
    # A caller's id is on both copies of a mirrored request; without one, its content has to do.
    return event.inference_id or event.asked
