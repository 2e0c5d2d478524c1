"""Fine-tuning learns what is new; the no-forgetting gate stops it where that costs what was known."""

from pathlib import Path

from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.training.data import load_split
from tests.modelkit.red import doctor


def test_fine_tuned_model_improves_on_later_applications(tuned_model: Path, model_dir: Path, later_data: Path) -> None:
    """On held-out rows of the later year it ranks better, and is nearer to the outcome, than its parent."""
    tuned, parent = Candidate(tuned_model), Candidate(model_dir)
    rows = load_split(later_data, parent.schema).test

    before, after = parent.scored(rows).quality(), tuned.scored(rows).quality()

    assert after["roc_auc"] > before["roc_auc"] + 0.01
    assert after["brier"] < before["brier"] / 1.5


def test_fine_tuned_model_does_not_forget(tuned_model: Path, model_dir: Path) -> None:
    """On the rows that the parent was judged by, every metric keeps its margin."""
    code, marks = doctor.judge("test_no_forgetting", tuned_model, parent=model_dir)

    assert (code, doctor.missed(marks)) == (0, set())
    assert len(marks) == 4


def test_forgetful_model_is_stopped(forgetful_model: Path, model_dir: Path) -> None:
    """A model that unlearnt the past for the sake of new rows misses its marks."""
    code, marks = doctor.judge("test_no_forgetting", forgetful_model, parent=model_dir)

    assert code == 1
    assert {"no_forgetting.roc_auc", "no_forgetting.accuracy"} <= doctor.missed(marks)
