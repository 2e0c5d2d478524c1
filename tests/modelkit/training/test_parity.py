"""A graph that is not the fitted pipeline does not leave the job."""

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
from sagemaker_gitops_modelkit.training.parity import edge_rows, prove_equal
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


def test_edge_rows_reach_every_kind_of_input(pipeline: Pipeline, held_out: pd.DataFrame, schema: Schema) -> None:
    """Each imputable number is missing once, and each category is unseen once."""
    edges = edge_rows(pipeline, held_out, schema)

    assert edges["hirat"].isna().sum() == 1
    assert all((~edges[c.name].isin(c.categories)).sum() == 2 for c in schema.categories)
