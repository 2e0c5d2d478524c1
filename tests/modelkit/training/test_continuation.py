"""Fine-tuning continues the parent's graph, or says why it cannot."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from sagemaker_gitops_modelkit.gates import training
from sagemaker_gitops_modelkit.training.columns import takes_columns
from sagemaker_gitops_modelkit.training.continuation import continue_from, ensemble
from sagemaker_gitops_modelkit.training.data import Split, features, target
from sagemaker_gitops_modelkit.training.export import export
from sagemaker_gitops_modelkit.training.failures import InputRefused
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.hyperparameters import load_hyperparameters
from sagemaker_gitops_modelkit.training.parent import Parent, load_parent
from sagemaker_gitops_modelkit.training.parity import prove_equal
from sagemaker_gitops_modelkit.training.scoring import open_session, score
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from train import Hyperparameters, build_pipeline

ROUNDS = 5


@pytest.fixture(scope="module")
def hyperparameters() -> Hyperparameters:
    """Return the repository's."""
    return load_hyperparameters(training.MODEL / "config" / "hyperparameters.json", Hyperparameters)


@pytest.fixture(scope="module")
def parent(model_dir: Path, schema: Schema) -> Parent:
    """Return the repository's model."""
    return Parent(graph=(model_dir / "model.onnx").read_bytes(), schema=schema, sha256="0" * 64)


def _other(learner: object, schema: Schema, hyperparameters: Hyperparameters) -> Pipeline:
    return Pipeline([build_pipeline(schema, hyperparameters).steps[0], ("trees", learner)])


def _ensemble(graph: bytes) -> dict[str, Any]:
    node = ensemble(onnx.load_from_string(graph))
    return {attribute.name: onnx.helper.get_attribute_value(attribute) for attribute in node.attribute}


def test_continued_graph_keeps_every_tree_of_its_parent(
    parent: Parent, split: Split, schema: Schema, hyperparameters: Hyperparameters
) -> None:
    """The ensemble starts with the parent's trees, number for number, and ends with the new ones."""
    continued = continue_from(parent, build_pipeline(schema, hyperparameters), rounds=ROUNDS)
    continued.pipeline.fit(features(split.train, schema), target(split.train, schema))

    before, after = _ensemble(parent.graph), _ensemble(continued.export(schema, threshold=0.3))

    lists = [name for name in before if name.startswith(("nodes_", "class_"))]
    assert all(after[name][: len(before[name])] == before[name] for name in lists)
    assert after["base_values"] == before["base_values"]
    assert max(after["nodes_treeids"]) == max(before["nodes_treeids"]) + ROUNDS


def test_continued_model_fits_new_rows_better_than_its_parent(
    parent: Parent, split: Split, schema: Schema, hyperparameters: Hyperparameters
) -> None:
    """More rounds on the same rows lower the loss on them, as boosting must."""
    table, truth = features(split.train, schema), target(split.train, schema)
    continued = continue_from(parent, build_pipeline(schema, hyperparameters), rounds=ROUNDS)
    continued.pipeline.fit(table, truth)
    child = continued.export(schema, threshold=0.3)

    losses = [
        -np.log(np.where(truth == 1, probability, 1 - probability)).mean()
        for probability in (score(open_session(graph), table, schema) for graph in (parent.graph, child))
    ]

    assert losses[1] < losses[0]


def test_parent_that_takes_texts_is_continued(
    split: Split, schema: Schema, hyperparameters: Hyperparameters, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A model registered before the graph took columns gets rounds, and its child takes columns."""
    table, truth = features(split.train, schema), target(split.train, schema)
    fitted = build_pipeline(schema, hyperparameters).fit(table, truth)
    with monkeypatch.context() as earlier:
        earlier.setattr("sagemaker_gitops_modelkit.training.export.take_columns", lambda *_: None)
        older = Parent(graph=export(fitted, schema, threshold=0.3), schema=schema, sha256="0" * 64)
    assert not takes_columns(onnx.load_from_string(older.graph))

    continued = continue_from(older, build_pipeline(schema, hyperparameters), rounds=ROUNDS)
    continued.pipeline.fit(table, truth)
    child = continued.export(schema, threshold=0.3)

    prove_equal(continued.pipeline, child, features(split.test, schema), schema, threshold=0.3)


def test_learner_without_rounds_is_refused(parent: Parent, schema: Schema, hyperparameters: Hyperparameters) -> None:
    """A forest's trees are averaged, so none can correct the parent."""
    with pytest.raises(InputRefused, match="RandomForestClassifier cannot continue"):
        continue_from(parent, _other(RandomForestClassifier(), schema, hyperparameters), rounds=ROUNDS)


def test_parent_without_boosted_trees_is_refused(
    split: Split, schema: Schema, hyperparameters: Hyperparameters
) -> None:
    """Nothing can be appended to a linear model."""
    table, truth = features(split.train, schema), target(split.train, schema)
    linear = _other(LogisticRegression(max_iter=1000), schema, hyperparameters).fit(table, truth)
    parent = Parent(graph=export(linear, schema, threshold=0.3), schema=schema, sha256="0" * 64)

    with pytest.raises(InputRefused, match="LinearClassifier without one ensemble of boosted trees"):
        continue_from(parent, build_pipeline(schema, hyperparameters), rounds=ROUNDS)


def test_fine_tuning_makes_the_same_bytes_twice(model_dir: Path, tmp_path: Path) -> None:
    """Parent, data and hyperparameters determine the child, and it says where it came from."""
    children = []
    for name, seed in (("one", "1"), ("two", "2")):
        root = training.prepare(tmp_path / name, {"additional_rounds": "3"})
        parent = training.give_parent(root, model_dir)
        assert training.run(root, {**parent, "PYTHONHASHSEED": seed}).returncode == 0
        metrics = json.loads((root / "model" / "metrics.json").read_text())
        children.append((root / "model" / "model.onnx").read_bytes())

    assert children[0] == children[1] != (model_dir / "model.onnx").read_bytes()
    assert metrics["parent"] == {"sha256": parent["PARENT_SHA256"], "additional_rounds": 3}


def test_job_without_a_model_channel_has_no_parent(tmp_path: Path) -> None:
    """Training from scratch is the job without a parent."""
    assert load_parent(tmp_path / "model", sha256=None) is None


@pytest.mark.parametrize("sha256", [None, "0" * 64])
def test_parent_of_other_bytes_is_refused(sha256: str | None, model_dir: Path, tmp_path: Path) -> None:
    """What the registry did not record is not continued from."""
    training.give_parent(tmp_path, model_dir)

    with pytest.raises(InputRefused, match="the parent's sha256 is"):
        load_parent(tmp_path / "input/data/model", sha256=sha256)


def test_parent_that_contradicts_its_manifest_is_refused(model_dir: Path, tmp_path: Path) -> None:
    """A graph that was exchanged inside the archive is found."""
    model = tmp_path / "model"
    shutil.copytree(model_dir, model)
    (model / "model.onnx").write_bytes(b"another graph")
    recorded = training.give_parent(tmp_path, model)

    with pytest.raises(InputRefused, match=r"model\.onnx differs from the parent's manifest"):
        load_parent(tmp_path / "input/data/model", sha256=recorded["PARENT_SHA256"])


def test_parent_without_a_schema_is_refused(model_dir: Path, tmp_path: Path) -> None:
    """The message names the file that the archive lacks."""
    model = tmp_path / "model"
    shutil.copytree(model_dir, model)
    (model / "schema.json").unlink()
    recorded = training.give_parent(tmp_path, model)

    with pytest.raises(InputRefused, match=r"holds no schema\.json"):
        load_parent(tmp_path / "input/data/model", sha256=recorded["PARENT_SHA256"])


def test_parent_of_another_schema_is_refused(model_dir: Path, tmp_path: Path) -> None:
    """A feature that the parent's graph does not take is named in the job's failure."""
    model = tmp_path / "model"
    shutil.copytree(model_dir, model)
    schema = json.loads((model / "schema.json").read_text())
    schema["features"][0]["maximum"] = 9
    (model / "schema.json").write_text(json.dumps(schema))
    (model / "manifest.json").unlink()
    files = {name: training.sha256(model / name) for name in ("model.onnx", "schema.json")}
    (model / "manifest.json").write_text(json.dumps({"files": files}))
    root = training.prepare(tmp_path / "job")

    job = training.run(root, training.give_parent(root, model))

    assert job.returncode == 1
    assert "it differs in pirat" in (root / "output" / "failure").read_text()
