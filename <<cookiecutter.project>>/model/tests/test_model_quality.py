"""Gate: the model is as good as baseline.json asks, and not worse than the one that serves."""

import pytest
from evaluation import Scored, quality
from preprocessing import Split

from model.tests.gates.candidate import Candidate
from model.tests.gates.marks import Mark, Recorder, judge, limits, require


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "roc_auc"])
def test_quality_reaches_its_mark(name: str, scored: Scored, record_property: Recorder) -> None:
    """Each metric on the held-out rows reaches its minimum."""
    require(judge("quality", name, quality(scored)), record_property)


@pytest.mark.parametrize("name", ["accuracy", "precision", "recall", "roc_auc"])
def test_quality_keeps_up_with_the_champion(
    name: str, scored: Scored, champion: Candidate, split: Split, record_property: Recorder
) -> None:
    """No metric falls further below the champion's, on the same rows, than allowed."""
    serving = quality(champion.scored(split.test))[name]
    minimum = round(serving - limits("against_champion")[name]["maximum_drop"], 6)

    mark = Mark(gate="against_champion", name=name, value=quality(scored)[name], minimum=minimum)

    require(mark, record_property)
