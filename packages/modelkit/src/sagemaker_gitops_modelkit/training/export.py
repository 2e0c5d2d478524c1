"""The fitted pipeline as one ONNX graph whose inputs are the raw features."""

import copy
import re

import onnx
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from skl2onnx.common.exceptions import MissingConverter, MissingShapeCalculator
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import Pipeline

from sagemaker_gitops_modelkit.training.columns import DESCRIPTION, described, take_columns
from sagemaker_gitops_modelkit.training.failures import ExportImpossible
from sagemaker_gitops_modelkit.training.feature_schema import NumberFeature, Schema
from sagemaker_gitops_modelkit.training.scoring import OUTPUT

# Fixed, so that a newer exporter writes what the serving image's runtime already reads.
OPSETS = {"": 18, "ai.onnx.ml": 3}


def export(pipeline: Pipeline, schema: Schema, *, threshold: float) -> bytes:
    """Return the serialized graph: one input, shape (rows, features); one output, shape (rows, 2).

    The columns of `probabilities` are the negative and the positive class. The converter's own label is
    the likelier class, which contradicts any threshold but one half, so the graph does not carry it:
    a label is the positive value exactly where its probability is at least `threshold`.
    """
    inputs = [(f.name, _tensor_type(f)) for f in schema.features]
    try:
        graph = convert_sklearn(
            pipeline, schema.target, inputs, target_opset=OPSETS, options={id(pipeline): {"zipmap": False}}
        )
    except (MissingConverter, MissingShapeCalculator) as error:
        raise _inexpressible(error) from error
    for output in [o for o in graph.graph.output if o.name != OUTPUT]:
        graph.graph.output.remove(output)
    take_columns(graph, schema)
    describe(graph, schema, threshold=threshold)
    return as_bytes(graph)


def export_trees(trees: GradientBoostingClassifier) -> onnx.ModelProto:
    """Return the fitted trees alone, without the first guess that they correct."""
    bare = copy.copy(trees)
    bare.init = "zero"
    inputs = [("columns", FloatTensorType([None, trees.n_features_in_]))]
    graph: onnx.ModelProto = convert_sklearn(
        bare, "trees", inputs, target_opset=OPSETS, options={id(bare): {"zipmap": False}}
    )
    return graph


def describe(graph: onnx.ModelProto, schema: Schema, *, threshold: float) -> None:
    """Write into the graph what its columns and its answer mean."""
    meanings = {"negative": schema.negative, "positive": schema.positive, "threshold": str(threshold)}
    meanings[DESCRIPTION] = described(schema)
    onnx.helper.set_model_props(graph, meanings)


def as_bytes(graph: onnx.ModelProto) -> bytes:
    """Serialize a graph, so that equal graphs make equal bytes."""
    # The exporter walks a Python set, so without this the order would follow the process's hash seed.
    graph.opset_import.sort(key=lambda opset: opset.domain)
    return bytes(graph.SerializeToString(deterministic=True))


def _inexpressible(error: Exception) -> ExportImpossible:
    # The exporter names the class of the step in its first line, and explains at length.
    named = re.search(r"<class '([^']+)'>", str(error))
    step = named.group(1).rpartition(".")[2] if named else "of this pipeline"
    return ExportImpossible(
        f"the step {step} cannot be exported to ONNX: skl2onnx has no converter for it",
        where="model/train/train.py",
        next_step="use a step that has one, or see docs/howto/own-model.md, 'A model that ONNX cannot express'",
    )


def _tensor_type(feature: object) -> FloatTensorType | StringTensorType:
    shape = [None, 1]
    return FloatTensorType(shape) if isinstance(feature, NumberFeature) else StringTensorType(shape)
