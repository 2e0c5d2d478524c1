"""The comparison of a candidate with its champion: what breaks a limit, and what is only noise."""

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sagemaker_gitops.aws.cloudwatch import Traffic
from sagemaker_gitops.project.deploy_config import DeployConfig
from sagemaker_gitops.release.checks import (
    Agreement,
    Answers,
    Evidence,
    Limits,
    breaches,
    enough_traffic,
    ks_distance,
    limits_of,
)

LIMITS: Limits = limits_of(DeployConfig(), p50_ms=50, p95_ms=150, capture_percent=100)


def answers(positives: int, rows: int, *, probability: float = 0.5) -> Answers:
    """Make answers with a number of positives."""
    labels = {"yes": positives, "no": rows - positives}
    return Answers(requests=rows, labels=labels, probabilities=(probability,) * rows)


GOOD = Evidence(
    candidate=Traffic(requests=500, p50_ms=2, p95_ms=5),
    champion=Traffic(requests=4500, p50_ms=2, p95_ms=5),
    candidate_answers=answers(50, 500),
    champion_answers=answers(450, 4500),
)


def test_equal_releases_break_nothing() -> None:
    """Two releases that behave alike pass."""
    assert breaches(GOOD, LIMITS) == []


@pytest.mark.parametrize(
    ("candidate", "told"),
    [
        (Traffic(requests=500, errors=6, p50_ms=2, p95_ms=5), "error rate: 6 of 500"),
        (Traffic(requests=3, errors=3), "error rate: 3 of 3"),
        (Traffic(requests=500, rejected=100, p50_ms=2, p95_ms=5), "refused requests: 100 of 500"),
        (Traffic(requests=500, p50_ms=51, p95_ms=60), "p50 is 51.0 ms"),
        (Traffic(requests=500, p50_ms=2, p95_ms=151), "p95 is 151.0 ms"),
    ],
)
def test_worse_traffic_breaks_its_limit(candidate: Traffic, told: str) -> None:
    """Each measure is stopped by its own limit, and says what was measured."""
    found = breaches(replace(GOOD, candidate=candidate), LIMITS)

    assert len(found) == 1
    assert told in found[0]


def test_error_that_the_minimum_can_still_absorb_is_no_breach() -> None:
    """One failed request of ten may be the one in a hundred that is allowed."""
    assert breaches(replace(GOOD, candidate=Traffic(requests=10, errors=1)), LIMITS) == []


def test_refusals_that_the_champion_shares_are_the_callers_fault() -> None:
    """When callers send nonsense both releases refuse it, and neither is to blame."""
    both = replace(GOOD, candidate=Traffic(requests=500, rejected=100), champion=Traffic(requests=4500, rejected=900))

    assert breaches(both, LIMITS) == []


def test_latency_of_a_few_requests_is_not_judged() -> None:
    """The first cold request does not condemn a release."""
    assert breaches(replace(GOOD, candidate=Traffic(requests=5, p50_ms=900, p95_ms=900)), LIMITS) == []


@pytest.mark.parametrize(
    ("new", "told"), [(answers(200, 500), "predictions"), (answers(50, 500, probability=0.9), "confidence")]
)
def test_other_predictions_break_their_limit(new: Answers, told: str) -> None:
    """A shifted share of labels and a shifted confidence are found."""
    found = breaches(replace(GOOD, candidate_answers=new), LIMITS)

    assert any(item.startswith(told) for item in found)


def test_disagreement_of_a_shadow_is_found() -> None:
    """A shadow that says something else about the same rows is no successor."""
    found = breaches(replace(GOOD, agreement=Agreement(rows=500, equal=400)), LIMITS)

    assert any("agreement" in item and "80.0%" in item for item in found)


@pytest.mark.parametrize(
    ("evidence", "enough"),
    [
        (GOOD, True),
        (replace(GOOD, candidate=Traffic(requests=99)), False),
        (replace(GOOD, candidate_answers=answers(1, 99)), False),
        (replace(GOOD, agreement=Agreement(rows=99, equal=99)), False),
        (replace(GOOD, agreement=Agreement(rows=100, equal=99)), True),
    ],
)
def test_traffic_counts_only_when_it_was_counted_and_captured(evidence: Evidence, enough: bool) -> None:
    """Neither an idle endpoint nor one whose capture is broken lets a candidate pass."""
    assert enough_traffic(evidence, LIMITS) is enough


@pytest.mark.parametrize(
    ("labels", "told"),
    [
        ({"a": 250, "b": 150, "c": 100}, []),
        ({"a": 250, "b": 5, "c": 245}, ["b", "c"]),
    ],
)
def test_share_of_each_of_three_classes_is_compared(labels: dict[str, int], told: list[str]) -> None:
    """A class that gives its rows to another is named, and so is the other."""
    old = Answers(requests=5000, labels={"a": 2500, "b": 1500, "c": 1000}, probabilities=(0.8,) * 5000)
    new = Answers(requests=500, labels=labels, probabilities=(0.8,) * 500)

    found = breaches(replace(GOOD, candidate_answers=new, champion_answers=old), LIMITS)

    assert [item.split('"')[1] for item in found] == told


@pytest.mark.parametrize(
    ("shift", "stretch", "told"),
    [(0, 1, []), (40, 1, ["values: the mean", "values: the dist"]), (0, 4, ["values: the dist"])],
)
def test_values_are_compared_by_mean_and_distribution(shift: float, stretch: float, told: list[str]) -> None:
    """A regression that answers higher, or wider about the same mean, is stopped; one that answers alike is not."""
    draw = random.Random(3)
    old = Answers(requests=4500, values=tuple(draw.gauss(150, 50) for _ in range(4500)))
    new = Answers(requests=500, values=tuple(150 + shift + stretch * draw.gauss(0, 50) for _ in range(500)))

    found = breaches(replace(GOOD, candidate_answers=new, champion_answers=old), LIMITS)

    assert len(found) == len(told)
    assert all(item.startswith(start) for item, start in zip(found, told, strict=True))


def test_answers_without_predictions_stop_a_release() -> None:
    """A candidate whose answers nobody can read is rolled back with the causes; shared with the champion, it is not."""
    mute = replace(answers(450, 450), requests=500, missing={"unreadable": 30, "in another form": 20})

    found = breaches(replace(GOOD, candidate_answers=replace(mute, labels={"yes": 45, "no": 405})), LIMITS)
    shared = replace(GOOD.champion_answers, requests=5000, missing={"unreadable": 500})
    alike = replace(mute, labels={"yes": 45, "no": 405}, probabilities=(0.5,) * 450)

    assert len(found) == 1
    assert "50 of 500 captured requests have no prediction (20 in another form, 30 unreadable)" in found[0]
    assert breaches(replace(GOOD, candidate_answers=alike, champion_answers=shared), LIMITS) == []


@pytest.mark.parametrize("kind", ["labels", "values"])
def test_noise_of_other_tasks_hardly_ever_rolls_back(kind: str) -> None:
    """In 300 canaries of equal releases of three classes or of values, at most 3 are stopped."""
    draw = random.Random(11)

    def drawn(rows: int) -> Answers:
        if kind == "values":
            return Answers(requests=rows, values=tuple(draw.lognormvariate(3, 0.6) for _ in range(rows)))
        labels = draw.choices("abc", (6, 3, 1), k=rows)
        given = {label: labels.count(label) for label in "abc"}
        return Answers(requests=rows, labels=given, probabilities=tuple(draw.betavariate(6, 2) for _ in range(rows)))

    pairs = (replace(GOOD, candidate_answers=drawn(100), champion_answers=drawn(900)) for _ in range(300))

    assert sum(bool(breaches(pair, LIMITS)) for pair in pairs) <= 3


def test_noise_between_equal_releases_hardly_ever_rolls_back() -> None:
    """In 300 canaries of equal releases, sampled at the minimum traffic, at most 3 are stopped."""
    random.seed(7)

    stopped = sum(bool(breaches(_sampled(100, 900), LIMITS)) for _ in range(300))

    assert stopped <= 3


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30), st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_distance_of_distributions_is_a_metric_between_0_and_1(left: list[float], right: list[float]) -> None:
    """The distance is symmetric, bounded, and nothing between equals."""
    distance = ks_distance(left, right)

    assert 0 <= distance <= 1
    assert distance == ks_distance(right, left)
    assert ks_distance(left, left) == 0


def _sampled(new: int, old: int) -> Evidence:
    return replace(GOOD, candidate_answers=_drawn(new), champion_answers=_drawn(old))


def _drawn(rows: int) -> Answers:
    values = tuple(random.betavariate(2, 8) for _ in range(rows))
    positives = sum(value > 0.3 for value in values)
    return Answers(requests=rows, labels={"yes": positives, "no": rows - positives}, probabilities=values)
