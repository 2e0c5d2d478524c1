"""model init: files are proposed from data and a first fit, and written only when told to."""

import json
import subprocess
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sagemaker_gitops.build import first_thresholds
from sagemaker_gitops.project import table
from sagemaker_gitops.project.schema_proposal import Asked
from sagemaker_gitops.stages import model_init, rehearse
from sagemaker_gitops.stages.model_init import Options
from sklearn.datasets import load_diabetes, load_wine
from tests.bake import bake, commit

MEASURED = {"value": 0.9, "standard_error": 0.02}


@pytest.fixture
def project(template: Path, tmp_path: Path) -> Path:
    """Bake a project and commit it."""
    root = bake(template, tmp_path / "cellar", {}, tmp_path)
    commit(root)
    return root


def changed(root: Path) -> dict[str, str]:
    """Return what git says of each file that is not as it was committed."""
    words = ["git", "status", "--porcelain", "--untracked-files=all"]
    lines = subprocess.run(words, cwd=root, capture_output=True, text=True, check=True).stdout.splitlines()
    return {line[3:].strip('"'): line[:2].strip() for line in lines}


def wine(folder: Path) -> Path:
    """Write three classes with gaps in a number and in a category, and no id."""
    frame = load_wine(as_frame=True).frame
    texts = frame.iloc[:, [0, 1, 6, 9, 12]].map(str)
    texts.iloc[::9, 1] = "?"
    texts["slope"] = np.where(frame["magnesium"] > 98, "south", "north")
    texts.iloc[5::20, 5] = ""
    texts["cultivar"] = frame["target"].map({0: "barolo", 1: "grignolino", 2: "barbera"})
    texts.to_csv(folder / "the cellar.csv", index=False)
    return folder / "the cellar.csv"


def diabetes(folder: Path) -> Path:
    """Write a number as the target."""
    frame: pd.DataFrame = load_diabetes(as_frame=True, scaled=False).frame
    frame.to_csv(folder / "diabetes.csv", index=False)
    return folder / "diabetes.csv"


def options(source: Path, target: str, *, write: bool) -> Options:
    """Ask for nothing but a target."""
    return Options(source=source, asked=Asked(target=target), write=write, progress=lambda _: None)


@pytest.mark.acceptance
def test_proposal_changes_nothing_until_told_to(project: Path, tmp_path: Path) -> None:
    """The same command shows first; the files that it writes pass every gate, and lie in model/ and data/ alone."""
    source = wine(tmp_path)

    shown = model_init.run(project, options(source, "cultivar", write=False))
    before = changed(project)
    written = model_init.run(project, options(source, "cultivar", write=True))
    after = changed(project)

    assert before == {}
    assert "Nothing was changed" in shown.summary
    assert "| malic_acid | number " in shown.summary
    assert "20 rows lack it" in shown.summary
    assert written.outputs == {"task": "multiclass", "written": "true"}
    assert {name for name in after if not name.startswith(("model/", "data/"))} == set()
    assert after["data/the-cellar.csv"] == "??"
    assert after["data/hmda.csv"] == "D"
    rehearsed = rehearse.run(project, rehearse.Options(base=None, progress=lambda _: None))
    assert "✗" not in rehearsed.summary


@pytest.mark.acceptance
def test_numbers_get_a_learner_of_numbers(project: Path, tmp_path: Path) -> None:
    """train.py changes in the learner's name, and no threshold decides any more."""
    model_init.run(project, options(diabetes(tmp_path), "target", write=True))

    train = (project / "model/train/train.py").read_text(encoding="utf-8")
    baseline = json.loads((project / "model/config/baseline.json").read_text(encoding="utf-8"))
    parameters = json.loads((project / "model/config/hyperparameters.json").read_text(encoding="utf-8"))
    assert "GradientBoostingRegressor(" in train
    assert "Classifier" not in train
    assert list(baseline["quality"]) == ["mae", "rmse", "r2"]
    assert "one standard error" in baseline["quality"]["mae"]["reason"]
    assert "threshold" not in parameters


def figures(task: str, **changes: Mapping[str, Mapping[str, float]]) -> first_thresholds.Figures:
    """Return what a first fit of a task measured."""
    return {
        "rows": {"held_out": {"value": 90, "standard_error": 0}},
        "quality": dict.fromkeys(first_thresholds.QUALITY[task], MEASURED),
        "bias": {},
        "data_quality": {
            "rows": {"value": 301, "standard_error": 0},
            "worst_missing_share": {"value": 0.1, "standard_error": 0},
            "duplicate_row_share": {"value": 0.0, "standard_error": 0},
            "best_single_feature_auc": {"value": 0.8, "standard_error": 0},
        },
        "robustness": dict.fromkeys(("missing_value_flip_share", "unseen_category_flip_share"), MEASURED),
        **changes,
    }


def test_threshold_lies_one_standard_error_on_the_worse_side() -> None:
    """Below where more is better, above where less is; the reason says so."""
    proposed = first_thresholds.propose(figures("multiclass"), "multiclass").document

    quality = proposed["quality"]
    assert quality["accuracy"]["minimum"] == 0.88
    assert quality["log_loss"]["maximum"] == 0.92
    assert quality["accuracy"]["reason"] == "one standard error (0.02 on 90 rows) below the first model's 0.9"
    assert proposed["against_champion"]["log_loss"] == {"maximum_drop": 0.02}
    assert proposed["data_quality"]["rows"]["minimum"] == 150
    assert "bias" not in proposed


def test_fairness_is_no_first_fits_to_set() -> None:
    """A gap that the first model has does not become the limit: it is told, and the gate will stop it."""
    gap = {"disparate_impact_ratio": {"value": 0.5, "standard_error": 0.05}}

    proposed = first_thresholds.propose(figures("binary", bias=gap), "binary")

    assert proposed.document["bias"]["disparate_impact_ratio"]["minimum"] == 0.8
    assert proposed.doubts == ("the first model misses bias.disparate_impact_ratio: 0.5, minimum 0.8",)


def test_answer_in_disguise_is_told_and_stopped() -> None:
    """A feature that tells everything is the target under another name: no threshold lets it through."""
    data = {**figures("binary")["data_quality"], "best_single_feature_auc": {"value": 1.0, "standard_error": 0}}

    proposed = first_thresholds.propose(figures("binary", data_quality=data), "binary")

    assert proposed.document["data_quality"]["best_single_feature_auc"]["maximum"] == 0.995
    assert "one feature alone tells the answer (AUC 1.000)" in proposed.doubts[0]


def test_copy_in_data_is_what_was_read(tmp_path: Path) -> None:
    """A word for missing among numbers is emptied, so that training reads what the proposal counted."""
    read = table.read(wine(tmp_path))

    assert read.columns["malic_acid"].count("") == 20
    assert "?" not in read.text()
