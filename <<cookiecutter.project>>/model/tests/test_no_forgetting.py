"""Gate: a fine-tuned model still does what its parent did, on the rows that the parent was judged by."""

import pandas as pd
import pytest
from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.gates.marks import Mark, Recorder, limits, require
from sagemaker_gitops_modelkit.training.evaluation import quality


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "roc_auc"])
def test_quality_on_the_parents_rows_is_kept(
    name: str, candidate: Candidate, parent: Candidate, parent_test: pd.DataFrame, record_property: Recorder
) -> None:
    """No metric falls further below the parent's than allowed."""
    before, after = (quality(model.scored(parent_test))[name] for model in (parent, candidate))
    minimum = round(before - limits("no_forgetting")[name]["maximum_drop"], 6)

    require(Mark(gate="no_forgetting", name=name, value=after, minimum=minimum), record_property)
