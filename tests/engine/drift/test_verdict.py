"""Four outcomes: what leads to each, with three kinds of real drift."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest
from msgspec import structs
from sagemaker_gitops.monitor.answers import read_truth
from sagemaker_gitops.monitor.checks import Subject
from sagemaker_gitops.monitor.quality import measure
from sagemaker_gitops.monitor.verdict import Outcome, Verdict, evaluate
from sagemaker_gitops.project.monitor_config import Limits, MonitorConfig
from tests.engine.drift.worlds import END, FINGERPRINT, RELEASE, World, events, read, truth_lines

CONFIG = MonitorConfig()


def judged(world: World, sample: World) -> Verdict:
    """Judge a sample as captured traffic."""
    return evaluate(world.baseline, read(world, [events(sample)]), CONFIG)


def violated(verdict: Verdict) -> set[tuple[str, str]]:
    """Name what is violated."""
    return {(finding.feature, finding.check) for finding in verdict.violations}


def test_undrifted_traffic_is_ok(world: World) -> None:
    """Real rows in another order raise no alarm."""
    verdict = judged(world, world.sample(2000, seed=0))

    assert verdict.outcome is Outcome.OK
    assert verdict.violations == ()


@pytest.mark.parametrize("rows", [0, 1, 499])
def test_too_little_data_is_its_own_outcome(world: World, rows: int) -> None:
    """Below the minimum the monitor says so, instead of ok."""
    verdict = judged(world, world.sample(rows, seed=1))

    assert verdict.outcome is Outcome.INSUFFICIENT
    assert str(rows) in verdict.reason


def shifted_ratio(rows: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    """Let applicants pay a fifth more of their income."""
    return {"pirat": rows["pirat"] * 1.2}


def new_category(rows: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    """Let a tenth of the applicants have a credit history of a kind that training never saw."""
    return {"chist": rows["chist"].where(rows.index % 10 > 0, "7")}


def broken_unit(rows: pd.DataFrame) -> dict[str, "pd.Series[Any]"]:
    """Let an upstream system send percent as per mille."""
    return {"unemp": rows["unemp"] * 10}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (shifted_ratio, ("pirat", "baseline_drift_check")),
        (new_category, ("chist", "categorical_values_check")),
        (broken_unit, ("unemp", "baseline_drift_check")),
    ],
    ids=["shifted-ratio", "new-category", "broken-unit"],
)
def test_real_drift_is_found(
    world: World, change: Callable[[pd.DataFrame], dict[str, "pd.Series[Any]"]], expected: tuple[str, str]
) -> None:
    """Each kind of drift is found at the feature that it befell, and at no other feature."""
    sample = world.sample(2000, seed=2)

    verdict = judged(world, sample.changed(**change(sample.rows)))

    assert verdict.outcome is Outcome.DRIFT
    assert expected in violated(verdict)
    assert {feature for feature, _ in violated(verdict)} == {expected[0]}


def test_values_that_go_missing_are_found(world: World) -> None:
    """A feature that a fifth of the callers leave empty is incomplete."""
    sample = world.sample(1000, seed=3)
    emptied = [None if place % 5 == 0 else value for place, value in enumerate(sample.rows["hirat"])]

    verdict = judged(world, sample.changed(hirat=pd.Series(emptied, dtype=object)))

    assert ("hirat", "completeness_check") in violated(verdict)


def test_a_schema_change_in_the_middle_is_found(world: World) -> None:
    """A column that disappears and one that appears halfway through are both named."""
    lines = [json.loads(line) for line in events(world.sample(1200, seed=4))]
    for line in lines[600:]:
        request = line["captureData"]["endpointInput"]
        request["data"] = request["data"].replace('"lvrat"', '"loan_to_value"')

    tally = read(world, [[json.dumps(line).encode() for line in lines]])
    verdict = evaluate(world.baseline, tally, CONFIG)

    assert verdict.outcome is Outcome.DRIFT
    assert {("lvrat", "missing_column_check"), ("loan_to_value", "extra_column_check")} <= violated(verdict)


def test_mostly_unreadable_captures_mean_a_broken_monitor(world: World) -> None:
    """What cannot be read must not pass for what was not there."""
    lines = events(world.sample(1000, seed=5))

    verdict = evaluate(world.baseline, read(world, [[*lines, *(line[:50] for line in lines[:200])]]), CONFIG)

    assert verdict.outcome is Outcome.BROKEN
    assert "200 of 1200" in verdict.reason


def test_a_few_corrupt_lines_do_not_break_the_monitor(world: World) -> None:
    """One line in a hundred is a nuisance, not an outage."""
    lines = events(world.sample(1000, seed=6))

    verdict = evaluate(world.baseline, read(world, [[*lines, *(line[:50] for line in lines[:10])]]), CONFIG)

    assert verdict.outcome is Outcome.OK


def test_predictions_drift_without_any_feature(world: World) -> None:
    """A model that answers otherwise on the same rows is noticed."""
    sample = world.sample(2000, seed=7)
    riskier = World(rows=sample.rows, probability=sample.probability**0.3, baseline=world.baseline, files=world.files)

    verdict = judged(world, riskier)

    assert verdict.subjects == {Subject.PREDICTION}


def test_quality_loss_is_found_after_late_truth(world: World) -> None:
    """Labels that come days later, out of order and twice, count once and show the loss."""
    sample = world.sample(1500, seed=8)
    older = events(sample, start=END - timedelta(hours=100))
    labels = truth_lines(sample, flip=0.3)
    disorder = labels[::-1] + labels[::2]

    truth = read_truth(disorder, world.baseline.contract)
    verdict = evaluate(world.baseline, read(world, [older], truth=truth), CONFIG)

    assert truth.lines.repeated == 750
    assert verdict.quality is not None
    assert verdict.quality.rows == 1500
    assert Subject.QUALITY in verdict.subjects
    assert {"accuracy", "roc_auc"} <= {finding.check for finding in verdict.violations}


def test_quality_without_loss_raises_no_alarm(world: World) -> None:
    """True labels of real rows agree with the release's own figures."""
    sample = world.sample(1500, seed=9)
    truth = read_truth(truth_lines(sample), world.baseline.contract)

    verdict = evaluate(world.baseline, read(world, [events(sample)], truth=truth), CONFIG)

    assert verdict.outcome is Outcome.OK
    assert verdict.quality is not None


def test_a_call_captured_twice_is_judged_once(world: World) -> None:
    """Capture files may repeat an event; quality counts each row once."""
    sample = world.sample(300, seed=10)
    truth = read_truth(truth_lines(sample), world.baseline.contract)

    tally = read(world, [events(sample), events(sample)], truth=truth)
    verdict = evaluate(world.baseline, tally, CONFIG)

    assert verdict.quality is not None
    assert verdict.quality.rows == 300


def test_the_newest_truth_wins(world: World) -> None:
    """A correction of a label replaces it, and the contradiction is counted."""
    sample = world.sample(100, seed=11)

    truth = read_truth([*truth_lines(sample, flip=1.0), *truth_lines(sample)], world.baseline.contract)
    tally = read(world, [events(sample)], truth=truth)

    assert truth.lines.contradicting == 100
    assert tally.labelled[""].truth.sum() == (sample.rows["deny"] == "yes").sum()


@pytest.mark.parametrize(
    ("text", "positive"),
    [("1", True), ("1.0", True), ("True", True), ("YES", True), (" yes ", True), ("0.0", False), ("FALSE", False)],
)
@pytest.mark.parametrize("labels", [("1", "0"), ("yes", "no"), ("approved", "denied")])
def test_truth_is_read_as_people_write_it(text: str, positive: bool, labels: tuple[str, str], world: World) -> None:
    """A truth value in any notation is the declared label that it stands for."""
    contract = structs.replace(world.baseline.contract, positive=labels[0], negative=labels[1], favourable=labels[1])
    record = {"groundTruthData": {"data": text, "encoding": "CSV"}, "eventMetadata": {"eventId": "call-0"}}

    truth = read_truth([b"\xef\xbb\xbf" + json.dumps(record).encode()], contract)

    assert truth.known["call-0"].labels == (positive,)
    assert (truth.lines.total, truth.lines.unreadable) == (1, 0)


@pytest.mark.parametrize("text", ["2", "maybe", "", "NA"])
def test_a_label_that_is_none_is_counted(text: str, world: World) -> None:
    """What stands for neither declared label is unreadable."""
    contract = structs.replace(world.baseline.contract, positive="None", negative="some", favourable="some")
    record = {"groundTruthData": {"data": text, "encoding": "CSV"}, "eventMetadata": {"eventId": "call-0"}}

    truth = read_truth([json.dumps(record).encode()], contract)

    assert (truth.known, truth.lines.unreadable) == ({}, 1)


def test_declared_labels_come_before_their_numbers(world: World) -> None:
    """Where 0 is the positive label, it is."""
    contract = structs.replace(world.baseline.contract, positive="0", negative="1", favourable="1")
    lines = [
        json.dumps({"groundTruthData": {"data": text, "encoding": "CSV"}, "eventMetadata": {"eventId": text}}).encode()
        for text in ("0", "0.0", "false", "true")
    ]

    truth = read_truth(lines, contract)

    assert [known.labels for known in truth.known.values()] == [(True,), (True,), (True,), (False,)]


def test_mostly_unreadable_truth_means_a_broken_monitor(world: World) -> None:
    """Labels that nobody can read must not pass for labels that have not come."""
    sample = world.sample(1000, seed=13)
    lines = [line.replace(b'"yes"', b'"perhaps"').replace(b'"no"', b'"perhaps"') for line in truth_lines(sample)]

    truth = read_truth(lines, world.baseline.contract)
    tally = read(world, [events(sample)], truth=truth)
    verdict = evaluate(world.baseline, tally, CONFIG)

    assert (verdict.outcome, verdict.reason) == (
        Outcome.BROKEN,
        "1000 of 1000 lines of ground truth cannot be read",
    )


def test_truth_that_contradicts_itself_judges_nothing(world: World) -> None:
    """Labels that say one thing and then another are no ground to roll back on, nor to call a model good."""
    sample = world.sample(1000, seed=14)
    lines = [*truth_lines(sample), *truth_lines(sample, flip=0.5)]

    truth = read_truth(lines, world.baseline.contract)
    verdict = evaluate(world.baseline, read(world, [events(sample)], truth=truth), CONFIG)

    assert verdict.outcome is Outcome.INSUFFICIENT
    assert "of 2000 lines of ground truth contradict earlier ones" in verdict.reason
    assert verdict.quality is None


def test_unequal_treatment_is_found(world: World) -> None:
    """Where one group is answered favourably far less often, that is a finding of bias."""
    sample = world.sample(2000, seed=12)
    harsher = sample.probability.copy()
    harsher[(sample.rows["afam"] == "yes").to_numpy()] = 0.9
    unfair = World(rows=sample.rows, probability=harsher, baseline=world.baseline, files=world.files)
    truth = read_truth(truth_lines(sample, encoding="JSON"), world.baseline.contract)

    verdict = evaluate(world.baseline, read(world, [events(unfair)], truth=truth), CONFIG)

    checks = {finding.check for finding in verdict.violations if finding.subject is Subject.BIAS}
    assert checks == {"disparate_impact", "equal_opportunity"}


def test_measured_quality_equals_scikit_learn(world: World) -> None:
    """Accuracy, precision, recall, area and Brier score are the library's."""
    metrics = pytest.importorskip("sklearn.metrics")
    sample = world.sample(800, seed=13)
    truth = read_truth(truth_lines(sample, flip=0.1), world.baseline.contract)
    labelled = read(world, [events(sample)], truth=truth).labelled[""]

    found = measure(labelled)

    actual, called, score = labelled.truth, labelled.predicted, labelled.probability
    assert found.accuracy == pytest.approx(metrics.accuracy_score(actual, called))
    assert found.precision == pytest.approx(metrics.precision_score(actual, called))
    assert found.recall == pytest.approx(metrics.recall_score(actual, called))
    assert found.roc_auc == pytest.approx(metrics.roc_auc_score(actual, score))
    assert found.brier == pytest.approx(metrics.brier_score_loss(actual, score))


def test_limits_decide_what_is_worth_saying(world: World) -> None:
    """The same shift is drift under a strict limit and none under a lenient one."""
    sample = world.sample(2000, seed=14)
    tally = read(world, [events(sample.changed(**shifted_ratio(sample.rows)))])

    strict = evaluate(world.baseline, tally, MonitorConfig(limits=Limits(psi=0.05)))
    lenient = evaluate(world.baseline, tally, MonitorConfig(limits=Limits(psi=5)))

    assert strict.outcome is Outcome.DRIFT
    assert lenient.outcome is Outcome.OK


def test_missing_hours_are_no_success(world: World) -> None:
    """Traffic on both sides of a gap is as it should be; the hours between are unknown, and named."""
    sample = world.sample(1200, seed=14)
    before = events(sample.take(np.arange(600)), start=END - timedelta(hours=6))
    after = events(sample.take(np.arange(600, 1200)), start=END - timedelta(hours=1))

    tally = read(world, [before, after])
    verdict = evaluate(world.baseline, tally, CONFIG, until=END)
    rested = evaluate(world.baseline, tally, MonitorConfig(maximum_silent_hours=4), until=END)

    assert verdict.outcome is Outcome.INSUFFICIENT
    assert verdict.silent == ("2026-11-23T07", "2026-11-23T08", "2026-11-23T09", "2026-11-23T10")
    assert "2026-11-23T07" in verdict.reason
    assert rested.outcome is Outcome.OK
    assert rested.silent == verdict.silent


def test_captures_that_cease_are_no_success(world: World) -> None:
    """Where the last hours hold nothing, they may have been lost."""
    tally = read(world, [events(world.sample(1200, seed=15), start=END - timedelta(hours=4))])

    verdict = evaluate(world.baseline, tally, CONFIG, until=END + timedelta(minutes=59))

    assert verdict.outcome is Outcome.INSUFFICIENT
    assert verdict.silent == ("2026-11-23T09", "2026-11-23T10", "2026-11-23T11")


def test_missing_hours_do_not_hide_drift(world: World) -> None:
    """What was found in the other hours is said."""
    rows = world.sample(2000, seed=16)
    shifted = rows.changed(**shifted_ratio(rows.rows))

    verdict = evaluate(
        world.baseline, read(world, [events(shifted, start=END - timedelta(hours=4))]), CONFIG, until=END
    )

    assert verdict.outcome is Outcome.DRIFT
    assert len(verdict.silent) == 3


def test_mixed_versions_are_told_apart(world: World) -> None:
    """Rows of every release count, answers of the baseline's own; who gave how many is kept by hour."""
    lines = events(world.sample(600, seed=17))
    others = [line.replace(FINGERPRINT.encode(), b"ef" * 32) for line in events(world.sample(600, seed=18))]

    tally = read(world, [[line for pair in zip(lines, others, strict=True) for line in pair]])
    verdict = evaluate(world.baseline, tally, CONFIG, until=END)

    assert verdict.outcome is Outcome.OK
    assert tally.reading.hours == {"2026-11-23T11": {RELEASE: 600, "efefefef": 600}}
    assert tally.scores.rows == 600
