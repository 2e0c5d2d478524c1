"""Gate: the model treats the groups of the protected attribute alike, within baseline.json's limits."""

import pytest
from sagemaker_gitops_modelkit.gates.fairness import gaps
from sagemaker_gitops_modelkit.gates.marks import Recorder, judge, require
from sagemaker_gitops_modelkit.training.evaluation import Scored
from sagemaker_gitops_modelkit.training.feature_schema import Schema


@pytest.mark.parametrize(
    "name",
    [
        "disparate_impact_ratio",
        "demographic_parity_difference",
        "equal_opportunity_difference",
        "smallest_group_rows",
    ],
)
def test_gap_between_groups_keeps_its_limit(
    name: str, scored: Scored, schema: Schema, record_property: Recorder
) -> None:
    """Each gap in the favourable outcome, over the held-out rows, keeps its limit."""
    favourable = int(schema.favourable == schema.positive)

    require(judge("bias", name, gaps(scored, favourable=favourable)), record_property)
