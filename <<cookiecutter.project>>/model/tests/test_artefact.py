"""Gate: the folder is one whole model, and says of itself what is true."""

import json
from collections.abc import Iterator, Mapping
from typing import Any

from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.gates.marks import Recorder, judge, require
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.scored import Scored


def test_manifest_names_every_file_with_its_hash(candidate: Candidate) -> None:
    """The manifest covers all other files, and each is the one it names."""
    manifest = candidate.read("manifest.json")["files"]

    present = {path.name for path in candidate.folder.iterdir()} - {"manifest.json"}

    assert {name: candidate.sha256(name) for name in present} == manifest


def test_graph_takes_the_features_of_this_checkout(candidate: Candidate, schema: Schema) -> None:
    """The graph's columns are the schema's features, in order."""
    assert candidate.schema == schema
    assert candidate.inputs == list(schema.feature_names)


def test_graph_and_schema_agree_on_the_label(candidate: Candidate) -> None:
    """Task, classes and decision threshold are the same in the graph's metadata and in schema.json."""
    metadata = candidate.session.get_modelmeta().custom_metadata_map

    assert metadata["task"] == candidate.schema.task
    if candidate.schema.task == "binary":
        assert float(metadata["threshold"]) == candidate.threshold
        assert (metadata["negative"], metadata["positive"]) == candidate.schema.classes
    if candidate.schema.task == "multiclass":
        assert tuple(json.loads(metadata["classes"])) == candidate.schema.classes


def test_metrics_are_those_of_the_graph(candidate: Candidate, scored: Scored, record_property: Recorder) -> None:
    """metrics.json holds what the held-out rows give when they are scored again."""
    again = {"overall": scored.quality(), "groups": scored.groups(), "bias": scored.bias()}
    written = dict(_figures({name: candidate.read("metrics.json")[name] for name in again}))
    measured = dict(_figures(again))

    assert written.keys() == measured.keys()
    difference = max(abs(written[name] - value) for name, value in measured.items())
    require(judge("artefact", "metrics_max_difference", {"metrics_max_difference": difference}), record_property)


def _figures(document: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, float]]:
    for name, value in document.items():
        if isinstance(value, Mapping):
            yield from _figures(value, f"{prefix}{name}.")
        elif value is not None:
            yield f"{prefix}{name}", float(value)
