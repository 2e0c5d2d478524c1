"""A graph that is not the fitted pipeline does not leave the job."""

from typing import Any

import numpy as np
import onnx
import pandas as pd
import pytest
from sagemaker_gitops_modelkit.gates.training import MODEL
from sagemaker_gitops_modelkit.training.data import Split, features, target
from sagemaker_gitops_modelkit.training.export import export
from sagemaker_gitops_modelkit.training.failures import ExportDiffers
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.hyperparameters import load_hyperparameters
from sagemaker_gitops_modelkit.training.parity import prove_equal
from sagemaker_gitops_modelkit.training.probes import probes
from sklearn.pipeline import Pipeline
from train import Hyperparameters, build_pipeline

THRESHOLD = 0.3


@pytest.fixture(scope="module")
def pipeline(split: Split, schema: Schema) -> Pipeline:
    """Return the repository's pipeline, fitted."""
    unfitted = build_pipeline(schema, load_hyperparameters(MODEL / "config" / "hyperparameters.json", Hyperparameters))
    return unfitted.fit(features(split.train, schema), target(split.train, schema))


@pytest.fixture
def held_out(split: Split, schema: Schema) -> pd.DataFrame:
    """Return the features of the held-out rows."""
    return features(split.test, schema)


def _nudged(model: bytes) -> bytes:
    """Move every split value to the next float32."""
    graph = onnx.load_from_string(model)
    (trees,) = [node for node in graph.graph.node if node.op_type.startswith("TreeEnsemble")]
    (values,) = [attribute for attribute in trees.attribute if attribute.name == "nodes_values"]
    values.floats[:] = np.nextafter(np.array(values.floats, dtype=np.float32), np.float32(np.inf)).tolist()
    return bytes(graph.SerializeToString())


def test_true_export_is_proven(pipeline: Pipeline, held_out: pd.DataFrame, schema: Schema) -> None:
    """The export of the repository's pipeline keeps every label."""
    parity = prove_equal(pipeline, export(pipeline, schema, threshold=THRESHOLD), held_out, schema, threshold=THRESHOLD)

    assert parity.label_flips == 0


def test_split_value_off_by_one_float_is_found(pipeline: Pipeline, held_out: pd.DataFrame, schema: Schema) -> None:
    """The least possible error in a split value, which real rows may never show, shows on the edge rows."""
    nudged = _nudged(export(pipeline, schema, threshold=THRESHOLD))

    with pytest.raises(ExportDiffers, match="ONNX and scikit-learn differ by up to"):
        prove_equal(pipeline, nudged, held_out, schema, threshold=THRESHOLD)


def test_probes_reach_every_kind_of_input(pipeline: Pipeline, held_out: pd.DataFrame, schema: Schema) -> None:
    """Each imputable number is missing, and each open category missing and unseen, alone and together."""

    def answers(rows: pd.DataFrame) -> "np.ndarray[Any, Any]":
        return np.asarray(pipeline.predict_proba(rows))[:, 1:]

    rows = probes(answers, held_out, schema, least=1e-6).rows

    optional = [n.name for n in schema.numbers if n.missing == "impute"]
    open_ = [c.name for c in schema.categories if c.unknown == "ignore"]
    gaps = pd.concat([rows[optional].isna(), rows[open_] == ""], axis=1)
    unseen = pd.concat([~rows[c.name].isin(["", *c.categories]) for c in schema.categories], axis=1)
    assert all((gaps[name] & (gaps.sum(axis=1) == 1)).any() for name in gaps)
    assert gaps.all(axis=1).any()
    assert set(unseen.columns[unseen.any()]) == set(open_)


def test_both_sides_of_a_jump_are_probed(held_out: pd.DataFrame, schema: Schema) -> None:
    """They are neighbours among float32 values, though no row of the table is near."""
    feature, split = "lvrat", 2.7182818284

    def answers(rows: pd.DataFrame) -> "np.ndarray[Any, Any]":
        return np.where(rows[[feature]].to_numpy() <= split, 0.0, 1.0)

    made = probes(answers, held_out, schema, least=1e-6)

    below = made.rows[feature][made.rows[feature] <= split].max()
    above = made.rows[feature][made.rows[feature] > split].min()
    assert made.edges == 1
    assert np.nextafter(np.float32(below), np.float32(np.inf)) == np.float32(above)
