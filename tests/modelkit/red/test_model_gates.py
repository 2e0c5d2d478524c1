"""The quality, bias and artefact gates stop the models they exist to stop."""

import json
from pathlib import Path

from tests.modelkit.red import doctor


def test_good_model_passes_beside_itself_as_champion(model_dir: Path) -> None:
    """The repository's own model reaches every quality mark, also as its own successor."""
    code, marks = doctor.judge("test_model_quality", model_dir, champion=model_dir)

    assert (code, doctor.missed(marks)) == (0, set())
    assert "against_champion.roc_auc" in marks


def test_weak_model_is_stopped_by_the_quality_gate(weak_model: Path, model_dir: Path) -> None:
    """A model of one tree misses the marks for quality, and falls behind the champion."""
    code, marks = doctor.judge("test_model_quality", weak_model, champion=model_dir)

    assert code == 1
    assert {"quality.roc_auc", "quality.recall", "against_champion.roc_auc"} <= doctor.missed(marks)


def test_biased_model_is_stopped_by_the_bias_gate_alone(biased_model: Path) -> None:
    """A lower threshold keeps quality and breaks the four-fifths rule."""
    bias_code, bias_marks = doctor.judge("test_bias", biased_model)
    quality_code, _ = doctor.judge("test_model_quality", biased_model)

    assert (bias_code, quality_code) == (1, 0)
    assert "bias.disparate_impact_ratio" in doctor.missed(bias_marks)


def test_embellished_metrics_are_stopped_by_the_artefact_gate(model_dir: Path, tmp_path: Path) -> None:
    """A metrics.json that claims more than the graph gives is found out."""
    folder = doctor.copy_model(model_dir, tmp_path / "model")
    metrics = json.loads((folder / "metrics.json").read_text())
    metrics["overall"]["roc_auc"] = 0.99
    doctor.rewrite(folder, "metrics.json", json.dumps(metrics).encode())

    code, marks = doctor.judge("test_artefact", folder)

    assert code == 1
    assert doctor.missed(marks) == {"artefact.metrics_max_difference"}


def test_altered_file_is_stopped_by_the_artefact_gate(model_dir: Path, tmp_path: Path) -> None:
    """A schema whose threshold was edited contradicts both the manifest and the graph."""
    folder = doctor.copy_model(model_dir, tmp_path / "model")
    schema = json.loads((folder / "schema.json").read_text())
    (folder / "schema.json").write_text(json.dumps(schema | {"threshold": 0.9}))

    code, _ = doctor.judge("test_artefact", folder)

    assert code == 1
