"""Gaps between the groups of the protected attribute, measured by fairlearn on the favourable outcome."""

import numpy as np
from fairlearn.metrics import (
    demographic_parity_difference,
    demographic_parity_ratio,
    equal_opportunity_difference,
)

from sagemaker_gitops_modelkit.training.evaluation import Scored


def gaps(scored: Scored, *, favourable: int) -> dict[str, float]:
    """Return the bias gate's figures; `favourable` is the label, 0 or 1, that a person hopes for."""
    deserved = (scored.truth == favourable).astype(int)
    given = (scored.label == favourable).astype(int)
    groups = {"sensitive_features": scored.group}
    return {
        "disparate_impact_ratio": demographic_parity_ratio(deserved, given, **groups),
        "demographic_parity_difference": demographic_parity_difference(deserved, given, **groups),
        "equal_opportunity_difference": equal_opportunity_difference(deserved, given, **groups),
        "smallest_group_rows": float(np.unique(scored.group, return_counts=True)[1].min()),
    }
