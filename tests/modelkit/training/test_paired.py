"""Two models answer the same held-out rows, or say why they cannot."""

import json
import shutil
from pathlib import Path

import pytest
from sagemaker_gitops_modelkit.gates import paired
from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.training.data import load_split
from sagemaker_gitops_modelkit.training.feature_schema import load_schema


def _other(model_dir: Path, folder: Path, **changes: object) -> Candidate:
    """Copy a model, and change what its schema says."""
    shutil.copytree(model_dir, folder)
    path = folder / "schema.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))
    return Candidate(folder)


def test_each_held_out_row_is_answered_by_both(model_dir: Path, data_dir: Path) -> None:
    """One truth and two probabilities a row; a model agrees with itself."""
    model = Candidate(model_dir)
    rows = load_split(data_dir, load_schema(model_dir / "schema.json")).test

    answers = paired.answers(model, model, data_dir)

    assert len(answers["truth"]) == len(rows)
    assert answers["challenger"] == answers["champion"]
    assert answers["truth"] == [float(value == model.schema.positive) for value in rows[model.schema.target]]


def test_models_of_another_target_are_not_compared(model_dir: Path, data_dir: Path, tmp_path: Path) -> None:
    """What is true of a row must be the same for both."""
    model = Candidate(model_dir)
    turned = _other(model_dir, tmp_path / "turned", positive="no", negative="yes")

    with pytest.raises(ValueError, match="same rows and outcomes"):
        paired.answers(model, turned, data_dir)


def test_champion_that_cannot_read_the_data_ends_with_one_line(
    model_dir: Path, data_dir: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The reason fits into an error message."""
    champion = _other(model_dir, tmp_path / "champion", protected="religion")
    monkeypatch.setenv("MODEL_DIR", str(model_dir))
    monkeypatch.setenv("CHAMPION_DIR", str(champion.folder))
    monkeypatch.setenv("DATA_DIR", str(data_dir))

    with pytest.raises(SystemExit) as ended:
        paired.main(tmp_path / "answers.json")

    assert str(ended.value).startswith("missing column: religion")
    assert "\n" not in str(ended.value)
    assert not (tmp_path / "answers.json").exists()
