"""Gate: missing, unseen and extreme values, row order and batch size do not derail an answer."""

import pandas as pd
import pytest
from sagemaker_gitops_modelkit.gates import robustness
from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.gates.marks import Recorder, judge, require


@pytest.fixture(scope="module")
def answers(candidate: Candidate, table: pd.DataFrame) -> dict[str, float]:
    """Every figure of this gate."""
    return robustness.answers(candidate, table)


@pytest.mark.parametrize(
    "name",
    [
        "invalid_answers",
        "missing_value_flip_share",
        "unseen_category_flip_share",
        "row_order_max_difference",
        "batch_size_max_difference",
    ],
)
def test_answer_withstands(name: str, answers: dict[str, float], record_property: Recorder) -> None:
    """Each kind of disturbance changes the answers no more than allowed."""
    require(judge("robustness", name, answers), record_property)
