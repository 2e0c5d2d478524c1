"""Gate: missing, unseen and extreme values, row order and batch size do not derail an answer."""

import pandas as pd
import pytest
from sagemaker_gitops_modelkit.gates import robustness
from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.gates.marks import Recorder, judge, limits, require


@pytest.fixture(scope="module")
def answers(candidate: Candidate, table: pd.DataFrame) -> dict[str, float]:
    """Every figure of this gate."""
    return robustness.answers(candidate, table)


@pytest.mark.parametrize("name", limits("robustness"))
def test_answer_withstands(name: str, answers: dict[str, float], record_property: Recorder) -> None:
    """Each kind of disturbance changes the answers no more than allowed."""
    require(judge("robustness", name, answers), record_property)
