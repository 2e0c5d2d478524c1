"""Proof that a variant serves the release it is named after: known rows, asked for by variant."""

import json
from collections.abc import Iterator

from sagemaker_gitops.release.ports import AnswerView
from sagemaker_gitops.release.state import Release


def problems_of(answer: AnswerView, release: Release, *, rows: int) -> list[str]:
    """List what is wrong with an answer to known rows; empty means that the release serves."""
    if answer.status != 200:
        return [f"verification: the candidate answered {answer.status} to known rows: {answer.body[:200]}"]
    return [*_wrong_release(answer, release), *_wrong_rows(answer, rows)]


def _wrong_release(answer: AnswerView, release: Release) -> Iterator[str]:
    served = answer.attributes.get("fingerprint", "")
    if served != release.fingerprint:
        yield f"verification: fingerprint {served[:12] or 'none'} answers, {release.fingerprint[:12]} is asked"


def _wrong_rows(answer: AnswerView, rows: int) -> Iterator[str]:
    try:
        predictions = json.loads(answer.body)["predictions"]
    except (ValueError, KeyError, TypeError):
        yield f"verification: the answer holds no predictions: {answer.body[:200]}"
        return
    if len(predictions) != rows:
        yield f"verification: {len(predictions)} predictions came for {rows} rows"
