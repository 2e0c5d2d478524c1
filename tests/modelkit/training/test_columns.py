"""A graph that took texts answers the same when it takes the columns of the schema."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper
from sagemaker_gitops_modelkit.training.columns import take_columns
from sagemaker_gitops_modelkit.training.failures import ExportImpossible
from sagemaker_gitops_modelkit.training.feature_schema import CategoryFeature, Schema
from sagemaker_gitops_modelkit.training.scoring import open_session

TEXTS = ["b", "a", "", "never seen"]
COLOUR = CategoryFeature(name="colour", categories=("a", "b"), unknown="ignore")


@pytest.fixture
def one_category(schema: Schema) -> Schema:
    """Return a schema whose only feature is a category."""
    return Schema(**{**vars(schema), "features": (COLOUR,)})


def _graph(
    operator: str, attributes: Mapping[str, Any], kind: int, shape: list[Any], *, opset: int = 16
) -> onnx.ModelProto:
    node = helper.make_node(operator, ["colour"], ["answer"], domain="ai.onnx.ml", **attributes)
    colour = helper.make_tensor_value_info("colour", TensorProto.STRING, [None, 1])
    answer = helper.make_tensor_value_info("answer", kind, shape)
    opsets = [helper.make_opsetid("", opset), helper.make_opsetid("ai.onnx.ml", 2)]
    graph = helper.make_graph([node], "graph", [colour], [answer])
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


ENCODER = ("OneHotEncoder", {"cats_strings": ["b", "a"], "zeros": 1}, TensorProto.FLOAT, [None, 1, 2])
# Told apart: a category, a missing value, and one that was never seen.
INDEX = (
    "LabelEncoder",
    {"keys_strings": ["b", ""], "values_int64s": [7, 8], "default_int64": 9},
    TensorProto.INT64,
    [None, 1],
)


@pytest.mark.parametrize("opset", [11, 16, 18])
@pytest.mark.parametrize("node", [ENCODER, INDEX], ids=["encoder", "any other"])
def test_places_answer_as_texts_do(node: tuple[Any, ...], opset: int, one_category: Schema) -> None:
    """Each category, the missing value and an unseen one give what their text gave, in every version of ONNX."""
    graph = _graph(*node, opset=opset)
    texts = np.array(TEXTS, dtype=object)[:, np.newaxis]
    (expected,) = open_session(graph.SerializeToString()).run(None, {"colour": texts})

    take_columns(graph, one_category)
    session = open_session(graph.SerializeToString())
    places = np.array([[COLOUR.places.get(text, -1)] for text in TEXTS], dtype=np.float32)
    (actual,) = session.run(None, {session.get_inputs()[0].name: places})

    assert actual.tolist() == expected.tolist()


def test_a_graph_is_changed_once(one_category: Schema) -> None:
    """What takes the columns already stays as it is."""
    graph = _graph(*ENCODER)
    take_columns(graph, one_category)
    once = graph.SerializeToString()

    take_columns(graph, one_category)

    assert graph.SerializeToString() == once


def test_category_that_the_schema_lacks_is_named(one_category: Schema) -> None:
    """An encoder that knows more than callers may send would never see it."""
    graph = _graph("OneHotEncoder", {"cats_strings": ["b", "purple"], "zeros": 1}, TensorProto.FLOAT, [None, 1, 2])

    with pytest.raises(ExportImpossible, match="feature colour encodes 'purple'"):
        take_columns(graph, one_category)
