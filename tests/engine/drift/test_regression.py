"""A model that does not decide between two classes is watched by its inputs alone."""

import json

import pytest
from sagemaker_gitops.errors import MonitorBroken
from sagemaker_gitops.monitor.baseline import Baseline, read_baseline
from sagemaker_gitops.monitor.checks import Subject
from sagemaker_gitops.monitor.events import Payload
from sagemaker_gitops.monitor.requests import Requests
from sagemaker_gitops.monitor.tally import empty_tally
from sagemaker_gitops.monitor.verdict import evaluate
from sagemaker_gitops.project.monitor_config import MonitorConfig
from tests.engine.drift.worlds import World

CLASSES = ("positive", "negative", "favourable", "protected")


def regression(world: World, **more: str) -> Baseline:
    """Read the project's baseline as that of a regression, which has no classes and no scores."""
    schema = json.loads(world.files["schema.json"])
    metrics = {"rows": {"train": 1, "test": 1}, "overall": {"mae": 44.1}, "bias": {}, "groups": {}}
    left = {name: value for name, value in schema.items() if name not in CLASSES}
    files = {**world.files, "metrics.json": json.dumps(metrics).encode()}
    return read_baseline({**files, "schema.json": json.dumps({**left, **more}).encode()}, where="here")


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_baseline_has_features_and_no_scores(task: str, world: World) -> None:
    """Its features are those of the files, its scores are one empty bin."""
    baseline = regression(world, task=task)

    assert baseline.numbers.keys() | baseline.categories.keys() == set(baseline.contract.names)
    assert baseline.scores.counts.tolist() == [0]
    assert dict(baseline.scores.quality) == {"mae": 44.1}


@pytest.mark.parametrize("task", ["multiclass", "regression"])
def test_window_is_judged_by_its_inputs(task: str, world: World) -> None:
    """No check is about predictions, quality or bias, and rows of the baseline are no drift of the inputs."""
    baseline = regression(world, task=task)
    tally = empty_tally(baseline)
    for name, number in baseline.numbers.items():
        tally.numbers[name].add(world.rows[name].to_numpy(float), number)
    tally.reading.rows = len(world.rows)

    verdict = evaluate(baseline, tally, MonitorConfig())

    assert {finding.subject for finding in verdict.findings} <= {Subject.DATA, Subject.DRIFT}
    assert verdict.findings


def test_empty_cell_is_no_header_of_a_regression(world: World) -> None:
    """A contract without a protected attribute does not take a row that begins with nothing for names."""
    baseline = regression(world, task="regression")
    row = ["", *["1"] * (len(baseline.contract.names) - 1)]

    table = Requests(baseline.contract).csv_table([_csv(",".join(row))])

    assert [len(rows) for rows in table.by_request()] == [1]


def test_binary_task_must_say_what_its_classes_are(world: World) -> None:
    """Without them nothing could be judged, and the monitor is broken rather than silent."""
    with pytest.raises(MonitorBroken, match="a binary task needs positive, negative"):
        regression(world)


def test_labels_of_the_baseline_need_no_groups(world: World) -> None:
    """Without a protected attribute the share of positive labels is known all the same."""
    metrics = json.loads(world.files["metrics.json"])
    schema = {name: value for name, value in json.loads(world.files["schema.json"]).items() if name != "protected"}
    with_groups = read_baseline(world.files, where="here").scores
    changed = {**metrics, "groups": {}, "bias": {}, "labelled_positive": with_groups.labelled_positive}
    files = {"metrics.json": json.dumps(changed).encode(), "schema.json": json.dumps(schema).encode()}

    without = read_baseline({**world.files, **files}, where="here").scores

    assert (without.labelled_positive, without.rows) == (with_groups.labelled_positive, with_groups.rows)
    assert without.rows > without.labelled_positive > 0


def _csv(text: str) -> Payload:
    return Payload(data=text, encoding="CSV", observedContentType="text/csv")
