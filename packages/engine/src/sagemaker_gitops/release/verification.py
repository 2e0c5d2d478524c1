"""Proof that a variant serves the release it is named after: rows from the release's own schema, and its answers."""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sagemaker_gitops.aws.invocations import Answer
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import artifact
from sagemaker_gitops.release.ledger import Release

# Fractions of the golden ratio spread over a range evenly, however many are taken.
_GOLDEN = 0.6180339887498949

Rows = Sequence[Mapping[str, object]]


def rows_of(aws: Aws, release: Release, count: int) -> Rows:
    """Make rows that a release must be able to answer, from the schema in its verified artefact."""
    with TemporaryDirectory() as scratch:
        archive = Path(scratch) / "model.tar.gz"
        aws.storage.download(release.model_data, archive, sha256=release.model_sha256)
        folder = artifact.unpack(archive, Path(scratch) / "model")
        schema = json.loads((folder / "schema.json").read_text())
    return make_rows(schema, count)


def make_rows(schema: Mapping[str, Any], count: int) -> Rows:
    """Make rows that reach over every range and name every category of a schema."""
    features: Sequence[Mapping[str, Any]] = schema["features"]
    return [{feature["name"]: _value(feature, number) for feature in features} for number in range(count)]


def ask(aws: Aws, endpoint: str, variant: str, rows: Rows) -> Answer:
    """Send rows to one variant."""
    return aws.invocations.ask(endpoint, variant, json.dumps({"instances": list(rows)}))


def problems_of(answer: Answer, release: Release, *, rows: int) -> list[str]:
    """List what is wrong with an answer to known rows; empty means that the release serves."""
    if answer.status != 200:
        return [f"verification: the candidate answered {answer.status} to known rows: {answer.body[:200]}"]
    return [*_wrong_release(answer, release), *_wrong_rows(answer, rows)]


def _value(feature: Mapping[str, Any], number: int) -> object:
    if feature["type"] == "category":
        categories = feature["categories"]
        return categories[number % len(categories)]
    low, high = float(feature["minimum"]), float(feature["maximum"])
    return round(low + (high - low) * (number * _GOLDEN % 1), 4)


def _wrong_release(answer: Answer, release: Release) -> Iterator[str]:
    served = answer.attributes.get("fingerprint", "")
    if served != release.fingerprint:
        yield f"verification: fingerprint {served[:12] or 'none'} answers, {release.fingerprint[:12]} is asked"


def _wrong_rows(answer: Answer, rows: int) -> Iterator[str]:
    try:
        predictions = json.loads(answer.body)["predictions"]
    except (ValueError, KeyError, TypeError):
        yield f"verification: the answer holds no predictions: {answer.body[:200]}"
        return
    if len(predictions) != rows:
        yield f"verification: {len(predictions)} predictions came for {rows} rows"
