"""Evidence from live traffic: CloudWatch's counts and Data Capture's predictions of two variants."""

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from sagemaker_gitops.aws.captures import Event
from sagemaker_gitops.aws.cloudwatch import Traffic
from sagemaker_gitops.aws.invocations import VERIFICATION_PREFIX
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.release.checks import Agreement, Answers, Evidence

# More rows sharpen no verdict, and reading them all would slow the check of a busy endpoint.
_MAX_EVENTS = 5000

Prediction = tuple[str, float]


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
    """Count labels and collect probabilities."""
    labels: Counter[str] = Counter()
    probabilities: list[float] = []
    requests = 0
    for event in _of_callers(events):
        requests += 1
        for label, probability in _predictions(event):
            labels[label] += 1
            probabilities.append(probability)
    return Answers(requests=requests, labels=labels, probabilities=tuple(probabilities))


def agreement(candidate: Iterable[Event], champion: Iterable[Event]) -> Agreement:
    """Compare a shadow's labels with its champion's, request by request."""
    expected = {_identity(event): _predictions(event) for event in _of_callers(champion)}
    rows = equal = 0
    for event in _of_callers(candidate):
        for (new, _), (old, _) in zip(_predictions(event), expected.get(_identity(event), []), strict=False):
            rows += 1
            equal += new == old
    return Agreement(rows=rows, equal=equal)


def _events(aws: Aws, window: Window, variant: str) -> Sequence[Event]:
    return aws.captures.events(window.endpoint, variant, since=window.since, until=window.until, limit=_MAX_EVENTS)


def _traffic(aws: Aws, window: Window, variant: str) -> Traffic:
    return aws.metrics.traffic(window.endpoint, variant, since=window.since, until=window.until)


def _of_callers(events: Iterable[Event]) -> list[Event]:
    return [event for event in events if not event.inference_id.startswith(VERIFICATION_PREFIX)]


def _predictions(event: Event) -> Sequence[Prediction]:
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


def _identity(event: Event) -> str:
    # A caller's id is on both copies of a mirrored request; without one, its content has to do.
    return event.inference_id or event.asked
