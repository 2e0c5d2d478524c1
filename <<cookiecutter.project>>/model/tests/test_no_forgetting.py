"""Gate: a fine-tuned model still does what its parent did, on the rows that the parent was judged by."""

import pandas as pd
import pytest
from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.gates.marks import Recorder, keeps_up, limits, require


@pytest.mark.parametrize("name", limits("no_forgetting"))
def test_quality_on_the_parents_rows_is_kept(
    name: str, candidate: Candidate, parent: Candidate, parent_test: pd.DataFrame, record_property: Recorder
) -> None:
    """No metric is further behind the parent's than allowed."""
    before, after = (model.scored(parent_test).quality() for model in (parent, candidate))

    require(keeps_up("no_forgetting", name, ours=after, theirs=before), record_property)
