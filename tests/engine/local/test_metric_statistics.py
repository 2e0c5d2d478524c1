"""Statistics and metric math, against figures worked out by hand."""

import pytest
from sagemaker_gitops.local.cloudwatch.metric_math import Math
from sagemaker_gitops.local.cloudwatch.metrics import Datum, by_period, compute
from sagemaker_gitops.local.server.context import Refusal

DATA = [
    Datum(time=60.0, values=(1.0, 2.0), counts=(3.0, 1.0)),
    Datum(time=61.0, values=(10.0,), counts=(1.0,)),
]
MATH = Math(
    series={"errors": {0.0: 2.0, 60.0: 0.0}, "calls": {0.0: 8.0, 60.0: 0.0, 120.0: 4.0}}, periods=(0.0, 60.0, 120.0)
)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("SampleCount", 5.0),
        ("Sum", 15.0),
        ("Average", 3.0),
        ("Minimum", 1.0),
        ("Maximum", 10.0),
        ("p50", 1.0),
        ("p80", 2.0),
        ("p90", 10.0),
        ("p99.9", 10.0),
        ("p100", 10.0),
        ("p0", 1.0),
    ],
)
def test_statistics_count_every_sample(name: str, expected: float) -> None:
    """Values weigh as often as they occurred: 1, 1, 1, 2, 10."""
    assert compute(name, DATA) == expected


def test_an_unknown_statistic_is_refused() -> None:
    """A trimmed mean is not guessed at."""
    with pytest.raises(Refusal):
        compute("tm90", DATA)


def test_periods_begin_at_their_multiples() -> None:
    """A point belongs to the period that it lies in."""
    assert {
        start: len(part) for start, part in by_period([*DATA, Datum(time=121.5, values=(1,), counts=(1,))], 60).items()
    } == {
        60: 2,
        120: 1,
    }


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("100 * errors / calls", {0.0: 25.0}),
        ("errors + 1", {0.0: 3.0, 60.0: 1.0}),
        ("-errors", {0.0: -2.0, 60.0: 0.0}),
        ("FILL(errors, 7)", {0.0: 2.0, 60.0: 0.0, 120.0: 7.0}),
        ("SUM([errors, calls])", {0.0: 10.0, 60.0: 0.0, 120.0: 4.0}),
        ("MAX(METRICS())", {0.0: 8.0, 60.0: 0.0, 120.0: 4.0}),
        ("IF(calls > 3, 1, 0)", {0.0: 1.0, 60.0: 0.0, 120.0: 1.0}),
        ("SUM(calls)", {0.0: 12.0, 60.0: 12.0, 120.0: 12.0}),
    ],
)
def test_metric_math(expression: str, expected: dict[float, float]) -> None:
    """Arithmetic is by period; a division by zero leaves no point."""
    assert MATH.evaluate(expression) == expected


@pytest.mark.parametrize("expression", ["errors +", "unknown / 2", "ANOMALY_DETECTION_BAND(errors)", "METRICS()"])
def test_bad_expressions_are_refused(expression: str) -> None:
    """Syntax, unknown ids, unknown functions, lists as a result."""
    with pytest.raises(Refusal):
        MATH.evaluate(expression)
