"""A mark is recorded whether it is reached or not, and a limit that cannot fail is refused."""

import json
from pathlib import Path

import pytest
from sagemaker_gitops_modelkit.gates import marks
from sagemaker_gitops_modelkit.gates.marks import Mark, judge, require


@pytest.mark.parametrize(
    ("mark", "reached"),
    [
        (Mark(gate="quality", name="roc_auc", value=0.8, minimum=0.8), True),
        (Mark(gate="quality", name="roc_auc", value=0.79, minimum=0.8), False),
        (Mark(gate="quality", name="roc_auc", value=float("nan"), minimum=0.8), False),
        (Mark(gate="bias", name="gap", value=0.2, maximum=0.2), True),
        (Mark(gate="bias", name="gap", value=0.21, maximum=0.2), False),
        (Mark(gate="bias", name="gap", value=float("nan"), maximum=0.2), False),
    ],
)
def test_mark_is_reached_up_to_its_limit(mark: Mark, *, reached: bool) -> None:
    """The limit itself is good enough; what is not a number is not."""
    assert mark.reached is reached


def test_missed_mark_is_recorded_before_it_fails() -> None:
    """The test stage reads the value and the limit from the report of the failed test."""
    recorded: list[tuple[str, object]] = []
    mark = Mark(gate="quality", name="roc_auc", value=0.7, minimum=0.8)

    with pytest.raises(AssertionError, match=r"quality: roc_auc is 0\.7, must be at least 0.8"):
        require(mark, lambda name, value: recorded.append((name, value)))

    ((name, value),) = recorded
    assert name == "mark"
    assert json.loads(str(value)) == {"gate": "quality", "name": "roc_auc", "value": 0.7, "minimum": 0.8}


@pytest.mark.parametrize("limit", [{}, {"min": 0.5}, {"minimum": 0, "maximum": 1}])
def test_limit_without_one_clear_bound_is_refused(
    limit: dict[str, float], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A mistyped limit stops the gate instead of letting every model through."""
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps({"quality": {"roc_auc": limit}}))
    monkeypatch.setattr(marks, "BASELINE", baseline)

    with pytest.raises(ValueError, match="needs either a minimum or a maximum"):
        judge("quality", "roc_auc", {"roc_auc": 0.9})


def test_limit_that_is_missing_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A gate without its limit stops with the name of what baseline.json lacks."""
    baseline = tmp_path / "baseline.json"
    baseline.write_text(json.dumps({"data_quality": {}}))
    monkeypatch.setattr(marks, "BASELINE", baseline)

    with pytest.raises(ValueError, match=r"baseline\.json: data_quality\.duplicates is missing"):
        judge("data_quality", "duplicates", {"duplicates": 0.1})
