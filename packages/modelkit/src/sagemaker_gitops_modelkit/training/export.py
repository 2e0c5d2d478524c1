"""The fitted pipeline as one ONNX graph whose inputs are the raw features."""

import copy
import json
from collections.abc import Iterator
from types import FrameType

import onnx
from skl2onnx import convert_sklearn
from skl2onnx.common.data_types import FloatTensorType, StringTensorType
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import Pipeline

from sagemaker_gitops_modelkit.training.columns import DESCRIPTION, described, take_columns
from sagemaker_gitops_modelkit.training.converters import converters
from sagemaker_gitops_modelkit.training.failures import ExportImpossible
from sagemaker_gitops_modelkit.training.feature_schema import NumberFeature, Schema
from sagemaker_gitops_modelkit.training.scoring import PROBABILITIES, VALUE, open_session

# Fixed, so that a newer exporter writes what the serving image's runtime already reads.
OPSETS = {"": 18, "ai.onnx.ml": 3}


def export(pipeline: Pipeline, schema: Schema, *, threshold: float) -> bytes:
    """Return the serialized graph: one input, shape (rows, features); one output, shape (rows, classes) or (rows, 1).

    The columns of `probabilities` are the classes in the schema's order, the negative one first. The converter's own
    label is the likelier class, which contradicts any threshold but one half, so the graph does not carry it:
    a label is the positive value exactly where its probability is at least `threshold`.
    """
    inputs = [(f.name, _tensor_type(f)) for f in schema.features]
    try:
        graph = convert_sklearn(
            pipeline,
            schema.target,
            inputs,
            target_opset=OPSETS,
            options={id(pipeline): {"zipmap": False}} if schema.classes else None,
            custom_conversion_functions=converters(pipeline[-1]),
        )
        _keep_answer(graph, schema)
        take_columns(graph, schema)
        describe(graph, schema, threshold=threshold)
        model = as_bytes(graph)
        open_session(model)
    except ExportImpossible:
        raise
    except Exception as error:  # converters and the runtime raise whatever they stumble over: no class says that
        raise _inexpressible(error, pipeline) from error
    return model


def _keep_answer(graph: onnx.ModelProto, schema: Schema) -> None:
    """Leave one output: the probabilities, or a regression's number under a name of ours."""
    if schema.classes:
        kept = [output for output in graph.graph.output if output.name == PROBABILITIES]
    else:
        kept = graph.graph.output[:1]
        named = onnx.helper.make_node("Identity", [kept[0].name], [VALUE])
        graph.graph.node.append(named)
        kept[0].name = VALUE
    del graph.graph.output[:]
    graph.graph.output.extend(kept)


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
    meanings = {"task": schema.task, DESCRIPTION: described(schema)}
    if schema.task == "binary":
        meanings |= {"negative": schema.negative, "positive": schema.positive, "threshold": str(threshold)}
    if schema.task == "multiclass":
        meanings["classes"] = json.dumps(schema.classes, ensure_ascii=False)
    onnx.helper.set_model_props(graph, meanings)


def as_bytes(graph: onnx.ModelProto) -> bytes:
    """Serialize a graph, so that equal graphs make equal bytes."""
    # The exporter walks a Python set, so without this the order would follow the process's hash seed.
    graph.opset_import.sort(key=lambda opset: opset.domain)
    return bytes(graph.SerializeToString(deterministic=True))


def _inexpressible(error: Exception, pipeline: Pipeline) -> ExportImpossible:
    step = type(_failing_step(error) or pipeline[-1]).__name__
    cause = next(iter(str(error).splitlines()), "")[:200] or type(error).__name__
    return ExportImpossible(
        f"the step {step} cannot be exported to ONNX: {cause}",
        where="model/train/train.py",
        next_step=(
            "use another step in its place; or register a converter of it with skl2onnx; or serve it by skops: "
            "docs/howto/own-model.md, 'A model that ONNX cannot express'"
        ),
    )


def _failing_step(error: BaseException) -> BaseEstimator | None:
    """Find what the exporter had in hand when it failed: the estimator in the innermost of its frames."""
    found = None
    trace = error.__traceback__
    while trace:
        found = next(_estimators(trace.tb_frame), found)
        trace = trace.tb_next
    return found


def _estimators(frame: FrameType) -> Iterator[BaseEstimator]:
    for value in [*frame.f_locals.values()]:
        held = getattr(value, "raw_operator", value)
        if isinstance(held, BaseEstimator) and not isinstance(held, Pipeline | ColumnTransformer):
            yield held


def _tensor_type(feature: object) -> FloatTensorType | StringTensorType:
    shape = [None, 1]
    return FloatTensorType(shape) if isinstance(feature, NumberFeature) else StringTensorType(shape)
