"""Evidence from live traffic: CloudWatch's counts and Data Capture's predictions of two variants."""

import csv
import json
import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import pstdev
from typing import Any

from sagemaker_gitops.aws.captures import Event
from sagemaker_gitops.aws.cloudwatch import Traffic
from sagemaker_gitops.aws.invocations import VERIFICATION_PREFIX
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.release.checks import Agreement, Answers, Evidence

# More rows sharpen no verdict, and reading them all would slow the check of a busy endpoint.
_MAX_EVENTS = 5000

# Values that differ by no more than this, in standard deviations of the champion's, are as good as one.
_SAME_VALUE = 0.1


@dataclass(frozen=True, kw_only=True)
class Prediction:
    """One row's answer: a label with its probability, or a value where the task has no labels."""

    figure: float
    label: str | None = None


@dataclass(frozen=True, kw_only=True)
class Window:
    """Two variants of an endpoint between two moments; a mirrored candidate is compared request by request."""

    endpoint: str
    candidate: str
    champion: str | None
    since: datetime
    until: datetime
    mirrored: bool


def measure(aws: Aws, window: Window) -> Evidence:
    """Compare two variants on what happened within a window."""
    candidate = _events(aws, window, window.candidate)
    champion = _events(aws, window, window.champion) if window.champion else []
    return Evidence(
        candidate=_traffic(aws, window, window.candidate),
        champion=_traffic(aws, window, window.champion) if window.champion else Traffic(),
        candidate_answers=answers(candidate),
        champion_answers=answers(champion),
        agreement=agreement(candidate, champion) if window.mirrored else None,
    )


def answers(events: Iterable[Event]) -> Answers:
    """Count labels, collect probabilities and values, and count by cause what holds neither."""
    labels: Counter[str] = Counter()
    missing: Counter[str] = Counter()
    figures: dict[bool, list[float]] = {True: [], False: []}
    requests = 0
    for event in _of_callers(events):
        requests += 1
        found = _predictions(event)
        if isinstance(found, str):
            missing[found] += 1
            continue
        labels.update(row.label for row in found if row.label is not None)
        for row in found:
            figures[row.label is not None].append(row.figure)
    return Answers(
        requests=requests,
        labels=labels,
        probabilities=tuple(figures[True]),
        values=tuple(figures[False]),
        missing=missing,
    )


def agreement(candidate: Iterable[Event], champion: Iterable[Event]) -> Agreement:
    """Compare a shadow's labels or values with its champion's, request by request."""
    expected = {_identity(event): _rows(event) for event in _of_callers(champion)}
    values = [row.figure for rows in expected.values() for row in rows if row.label is None]
    tolerance = _SAME_VALUE * pstdev(values) if values else 0.0
    rows = equal = 0
    for event in _of_callers(candidate):
        for new, old in zip(_rows(event), expected.get(_identity(event), []), strict=False):
            rows += 1
            near = new.label is not None or abs(new.figure - old.figure) <= tolerance
            equal += new.label == old.label and near
    return Agreement(rows=rows, equal=equal)


def _events(aws: Aws, window: Window, variant: str) -> Sequence[Event]:
    return aws.captures.events(window.endpoint, variant, since=window.since, until=window.until, limit=_MAX_EVENTS)


def _traffic(aws: Aws, window: Window, variant: str) -> Traffic:
    return aws.metrics.traffic(window.endpoint, variant, since=window.since, until=window.until)


def _of_callers(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not event.inference_id.startswith(VERIFICATION_PREFIX)]


def _rows(event: Event) -> Sequence[Prediction]:
    found = _predictions(event)
    return () if isinstance(found, str) else found


def _predictions(event: Event) -> Sequence[Prediction] | str:
    """Read each row's prediction, or name the cause why there is none."""
    if not event.answered.strip():
        return "empty"
    try:
        if event.answer_type.startswith("text/csv"):
            lines = [cells for cells in csv.reader(event.answered.splitlines(), strict=True) if cells]
            answer = {"predictions": lines}
        else:
            answer = json.loads(event.answered)
    except (ValueError, csv.Error):
        return "unreadable"
    try:
        return [_prediction(row) for row in answer["predictions"]] or "without rows"
    except (ValueError, KeyError, TypeError):
        return "in another form"


def _prediction(item: Any) -> Prediction:
    if isinstance(item, list):
        return _of_cells(item)
    if "value" in item:
        return Prediction(figure=_finite(item["value"]))
    label = str(item["label"])
    given = item["probabilities"][label] if "probabilities" in item else item["probability"]
    return Prediction(label=label, figure=_finite(given))


def _of_cells(cells: Sequence[str]) -> Prediction:
    """Read a value, or a label with its probability, or with those of all classes, of which its own is the highest."""
    if len(cells) == 1:
        return Prediction(figure=_finite(cells[0]))
    return Prediction(label=cells[0], figure=max(map(_finite, cells[1:])))


def _finite(given: Any) -> float:
    number = float(given)
    if not math.isfinite(number):
        raise ValueError(f"{number} is no prediction")
    return number


def _identity(event: Event) -> str:
    # A caller's id is on both copies of a mirrored request; without one, its content has to do.
    return event.inference_id or event.asked
