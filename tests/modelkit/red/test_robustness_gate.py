"""The robustness gate stops graphs that fail on rows which a test split does not hold."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from sagemaker_gitops_modelkit.gates import robustness
from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.gates.marks import judge
from tests.modelkit.red import doctor

# Each body is a graph that answers the test split well enough, and breaks one promise.
MISSING_BECOMES_NAN = "zero = Constant<value=float[1] {0.0}>() none = Mul(hirat, zero) probabilities = Add(good, none)"
MISSING_IS_DENIED = (
    "gone = IsNaN(hirat) shift = Cast<to=1>(gone) all = Constant<value=float[1,2] {0.0, 1.0}>()"
    " moved = Mul(shift, all) probabilities = Max(good, moved)"
)
UNSEEN_IS_DENIED = (
    "negative = Neg(mhist) shift = Relu(negative)"  # an unseen category's place is -1
    " all = Constant<value=float[1,2] {0.0, 1.0}>() moved = Mul(shift, all) probabilities = Max(good, moved)"
)
EXTREME_LEAVES_THE_UNIT_INTERVAL = (
    "one = Constant<value=float[1] {1.0}>() factor = Max(lvrat, one) probabilities = Mul(good, factor)"
)
EARLIER_ROWS_COUNT = (
    "axis = Constant<value=int64[1] {0}>() small = Constant<value=float[1] {0.0001}>() sum = CumSum(good, axis)"
    " shift = Mul(sum, small) probabilities = Sub(good, shift)"
)
BATCH_MEAN_COUNTS = (
    "mean = ReduceMean<axes=[0], keepdims=1>(good)"
    " half = Constant<value=float[1] {0.5}>() sum = Add(good, mean) probabilities = Mul(sum, half)"
)


@pytest.mark.parametrize(
    ("mark", "body"),
    [
        ("invalid_answers", MISSING_BECOMES_NAN),
        ("missing_value_flip_share", MISSING_IS_DENIED),
        ("unseen_category_flip_share", UNSEEN_IS_DENIED),
        ("invalid_answers", EXTREME_LEAVES_THE_UNIT_INTERVAL),
        ("row_order_max_difference", EARLIER_ROWS_COUNT),
        ("batch_size_max_difference", BATCH_MEAN_COUNTS),
    ],
    ids=["missing-nan", "missing-denied", "unseen-denied", "extreme", "order", "batch"],
)
def test_fragile_graph_misses_its_mark(
    mark: str, body: str, spoil: Callable[[str], Path], candidate: Candidate, table: pd.DataFrame
) -> None:
    """A graph with one weakness misses that weakness's mark, which the good model reaches."""
    fragile = Candidate(spoil(body))

    measure = getattr(robustness, mark)

    assert judge("robustness", mark, {mark: measure(candidate, table)}).reached
    assert not judge("robustness", mark, {mark: measure(fragile, table)}).reached


def test_fragile_graph_is_stopped(spoil: Callable[[str], Path]) -> None:
    """The gate, run as the test stage runs it, ends with an error and names the missed mark."""
    code, marks = doctor.judge("test_robustness", spoil(MISSING_BECOMES_NAN))

    assert code == 1
    assert "robustness.invalid_answers" in doctor.missed(marks)
