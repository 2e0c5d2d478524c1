"""Gaps between the groups of the protected attribute, measured by fairlearn on the favourable outcome."""

import numpy as np
from fairlearn.metrics import (
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
)

from sagemaker_gitops_modelkit.training.evaluation import Classified, Decided
from sagemaker_gitops_modelkit.training.scored import Scored


def gaps(scored: Scored) -> dict[str, float]:
    """Return the bias gate's figures: of the favourable outcome, or of a regression's errors."""
    if scored.group is None:
        raise ValueError("schema.json names no protected attribute: there are no groups to compare")
    smallest = {"smallest_group_rows": float(np.unique(scored.group, return_counts=True)[1].min())}
    if not isinstance(scored, Decided | Classified):
        return {name: float("nan") if gap is None else gap for name, gap in scored.bias().items()} | smallest
    deserved = (scored.truth == scored.favourable).astype(int)
    given = (scored.label == scored.favourable).astype(int)
    groups = {"sensitive_features": scored.group}
    return smallest | {
        "disparate_impact_ratio": demographic_parity_ratio(deserved, given, **groups),
        "demographic_parity_difference": demographic_parity_difference(deserved, given, **groups),
        "equal_opportunity_difference": equal_opportunity_difference(deserved, given, **groups),
    }
