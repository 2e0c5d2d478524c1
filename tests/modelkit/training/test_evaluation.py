"""The training job's figures are right: fairlearn computes the same gaps another way."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sagemaker_gitops_modelkit.gates.fairness import gaps
from sagemaker_gitops_modelkit.training.evaluation import Decided
from sagemaker_gitops_modelkit.training.scored import Scored

ROW = st.tuples(st.integers(0, 1), st.sampled_from([0.1, 0.3, 0.9]), st.sampled_from("ab"))
# Both outcomes in both groups: without them fairlearn has no rate to compare.
EACH = [(truth, 0.1, group) for truth in (0, 1) for group in "ab"]


def _scored(rows: list[tuple[int, float, str]], *, favourable: int = 0) -> Decided:
    truth, probability, group = (np.array(column) for column in zip(*rows, strict=True))
    return Decided(truth=truth, answers=probability, group=group, favourable=favourable, threshold=0.3)


@settings(deadline=None, max_examples=50, derandomize=True)
@given(rows=st.lists(ROW, max_size=40), favourable=st.integers(0, 1))
def test_gaps_agree_with_fairlearn(rows: list[tuple[int, float, str]], favourable: int) -> None:
    """Two independent computations of the bias figures give the same numbers."""
    scored = _scored([*EACH, *rows], favourable=favourable)

    ours = scored.bias()

    theirs = gaps(scored)
    for name, value in ours.items():
        expected = None if np.isnan(theirs[name]) else pytest.approx(theirs[name], abs=2e-5)
        assert value == expected


def test_probability_at_the_threshold_is_positive() -> None:
    """The label is positive from the threshold on, in float32 as the server compares."""
    scored = _scored([(1, float(np.float32(0.3)), "a"), (0, float(np.nextafter(np.float32(0.3), 0)), "a")])

    assert scored.label.tolist() == [1, 0]


def test_rate_over_nobody_is_null() -> None:
    """A group without a single denied applicant has no true positive rate."""
    groups = _scored([(0, 0.1, "a"), (0, 0.9, "a")]).groups()

    assert groups["a"]["tpr"] is None
    assert groups["a"]["fpr"] == 0.5


def test_curves_span_the_whole_range(scored: Scored) -> None:
    """ROC runs from corner to corner, and the histogram counts every row."""
    plotted = scored.curves()

    assert (plotted["roc"]["fpr"][0], plotted["roc"]["tpr"][-1]) == (0, 1)
    assert sum(plotted["scores"]["negative"]) + sum(plotted["scores"]["positive"]) == len(scored.truth)
