"""The simplest model is fitted to the same rows, and a model that is not worth more than it is stopped."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from sagemaker_gitops_modelkit.gates import marks
from sagemaker_gitops_modelkit.gates.marks import keeps_up
from sagemaker_gitops_modelkit.training.linear import linear_quality
from tests.modelkit.foreign import Foreign, breast_cancer, diabetes, wine
from tests.modelkit.red import doctor


@pytest.mark.parametrize(
    ("data", "name", "least"), [(breast_cancer(), "roc_auc", 0.95), (wine(), "macro_f1", 0.9), (diabetes(), "r2", 0.4)]
)
def test_each_task_has_its_linear_model(data: Foreign, name: str, least: float) -> None:
    """Missing values and categories of a stranger's data set included, it learns what is there to learn."""
    assert linear_quality(data.split, data.schema, threshold=0.5)[name] > least


def test_line_sees_no_held_out_row() -> None:
    """Other outcomes in the held-out rows change what it reaches, not what it answers: it comes out worse."""
    data = diabetes()
    honest, changed = data.split, data.split
    changed.test[data.schema.target] = changed.test[data.schema.target].to_numpy()[::-1]

    assert (
        linear_quality(changed, data.schema, threshold=0.5)["r2"]
        < linear_quality(honest, data.schema, threshold=0.5)["r2"] - 0.3
    )


def test_job_shows_it_beside_the_model(model_dir: Path) -> None:
    """metrics.json holds the same metrics of both."""
    metrics = json.loads((model_dir / "metrics.json").read_text())

    assert metrics["linear"].keys() == metrics["overall"].keys()
    assert metrics["linear"] != metrics["overall"]


def test_weak_model_is_stopped_by_the_line(weak_model: Path, model_dir: Path) -> None:
    """A model of one tree is further behind a logistic regression than allowed; the repository's own keeps up."""
    good, good_marks = doctor.judge("test_model_quality", model_dir)
    _, weak_marks = doctor.judge("test_model_quality", weak_model)

    assert (good, "against_linear.roc_auc" in good_marks) == (0, True)
    assert "against_linear.roc_auc" in doctor.missed(weak_marks)


@pytest.fixture
def limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str, dict[str, float]], None]:
    """Return a function that writes a baseline.json of one limit."""

    def write(name: str, limit: dict[str, float]) -> None:
        path = tmp_path / "baseline.json"
        path.write_text(json.dumps({"against_linear": {name: limit}}))
        monkeypatch.setattr(marks, "BASELINE", path)

    return write


@pytest.mark.parametrize(
    ("name", "limit", "ours", "reached"),
    [
        ("roc_auc", {"minimum_gain": 0.02}, 0.82, True),
        ("roc_auc", {"minimum_gain": 0.02}, 0.819, False),
        ("roc_auc", {"maximum_drop": 0.02}, 0.78, True),
        ("mae", {"minimum_gain": 0.1}, 0.7, True),
        ("mae", {"minimum_gain": 0.1}, 0.71, False),
        ("mae", {"maximum_drop": 0.1}, 0.9, True),
        ("mae", {"maximum_drop": 0.1}, 0.91, False),
    ],
)
def test_margin_has_the_direction_of_its_metric(
    limited: Callable[[str, dict[str, float]], None], name: str, limit: dict[str, float], ours: float, *, reached: bool
) -> None:
    """A gain is above for a score and below for a loss; a drop is the other way."""
    limited(name, limit)

    assert keeps_up("against_linear", name, ours={name: ours}, theirs={name: 0.8}).reached is reached


@pytest.mark.parametrize("limit", [{}, {"minimum": 0.5}, {"minimum_gain": 0, "maximum_drop": 1}])
def test_margin_without_one_clear_bound_is_refused(
    limited: Callable[[str, dict[str, float]], None], limit: dict[str, float]
) -> None:
    """A mistyped margin stops the gate."""
    limited("roc_auc", limit)

    with pytest.raises(ValueError, match="needs either a maximum_drop or a minimum_gain"):
        keeps_up("against_linear", "roc_auc", ours={"roc_auc": 0.9}, theirs={"roc_auc": 0.8})
