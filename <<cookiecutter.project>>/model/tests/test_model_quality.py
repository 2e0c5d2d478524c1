"""Gate: the model is as good as baseline.json asks, and compares with a linear one and the one that serves."""

from pathlib import Path

import pytest
from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.gates.marks import Recorder, judge, keeps_up, limits, require
from sagemaker_gitops_modelkit.training.data import load_split
from sagemaker_gitops_modelkit.training.failures import InputRefused
from sagemaker_gitops_modelkit.training.linear import linear_quality
from sagemaker_gitops_modelkit.training.scored import Scored


@pytest.mark.parametrize("name", limits("quality"))
def test_quality_reaches_its_mark(name: str, scored: Scored, record_property: Recorder) -> None:
    """Each metric on the held-out rows reaches its mark."""
    require(judge("quality", name, scored.quality()), record_property)


@pytest.fixture(scope="module")
def champion_quality(champion: Candidate, data_dir: Path) -> dict[str, float]:
    """Return the champion's metrics on the same held-out rows, read by the champion's own schema."""
    try:
        rows = load_split(data_dir, champion.schema).test
    except InputRefused as refused:
        pytest.skip(f"the champion cannot read this data set, so nothing compares: {refused.what}")
    return champion.scored(rows).quality()


@pytest.mark.parametrize("name", limits("against_champion"))
def test_quality_keeps_up_with_the_champion(
    name: str, scored: Scored, champion_quality: dict[str, float], record_property: Recorder
) -> None:
    """No metric is further behind the champion's, on the same rows, than allowed."""
    mark = keeps_up("against_champion", name, ours=scored.quality(), theirs=champion_quality)

    require(mark, record_property)


@pytest.fixture(scope="module")
def linear(candidate: Candidate, data_dir: Path) -> dict[str, float]:
    """Return the metrics of a logistic or linear regression, fitted here to the same rows."""
    return linear_quality(load_split(data_dir, candidate.schema), candidate.schema, threshold=candidate.threshold)


@pytest.mark.parametrize("name", limits("against_linear"))
def test_quality_is_worth_more_than_a_line(
    name: str, scored: Scored, linear: dict[str, float], record_property: Recorder
) -> None:
    """Each metric keeps its margin to the simplest model's."""
    require(keeps_up("against_linear", name, ours=scored.quality(), theirs=linear), record_property)
