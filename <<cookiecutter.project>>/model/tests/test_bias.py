"""Gate: the model treats the groups of the protected attribute alike, within baseline.json's limits."""

import pytest
from sagemaker_gitops_modelkit.gates.fairness import gaps
from sagemaker_gitops_modelkit.gates.marks import Recorder, judge, limits, require
from sagemaker_gitops_modelkit.training.scored import Scored


@pytest.mark.parametrize("name", limits("bias") or ["not asked"])
def test_gap_between_groups_keeps_its_limit(name: str, scored: Scored, record_property: Recorder) -> None:
    """Each gap in the favourable outcome, over the held-out rows, keeps its limit."""
    if scored.group is None:
        pytest.skip("not asked: schema.json names no protected attribute, so fairness was not measured")

    require(judge("bias", name, gaps(scored)), record_property)


def test_protected_attribute_has_its_limits(scored: Scored) -> None:
    """Whoever names a protected attribute says what is fair enough."""
    assert scored.group is None or limits("bias"), "baseline.json: `bias` has no limit for the protected attribute"
