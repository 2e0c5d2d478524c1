"""The graph's one input: a row of float32, in which a category is its place in the schema's list.

ONNX Runtime takes a tensor for each feature in microseconds, and copies every string of it; a row of numbers
costs neither. Texts and places mean the same, because the schema and the graph travel in one artefact.
"""

import json

import onnx

from sagemaker_gitops_modelkit.training.failures import ExportImpossible
from sagemaker_gitops_modelkit.training.feature_schema import INPUT, CategoryFeature, NumberFeature, Schema

DESCRIPTION = "columns"


def take_columns(graph: onnx.ModelProto, schema: Schema) -> None:
    """Change a graph that takes one tensor a feature, categories as strings, into one that takes the columns."""
    if takes_columns(graph):
        return
    # The exporter turns names into identifiers; the order is the schema's.
    names, count = [value.name for value in graph.graph.input], len(schema.features)
    for feature, name in zip(schema.features, names, strict=True):
        if isinstance(feature, CategoryFeature):
            _take_places(graph, feature, name)
    columns = onnx.helper.make_tensor_value_info(INPUT, onnx.TensorProto.FLOAT, [None, count])
    del graph.graph.input[:]
    graph.graph.input.append(columns)
    split = onnx.helper.make_node("Split", [INPUT], names, axis=1)
    if _opset(graph) >= 18:  # before, the number cannot be said
        split.attribute.append(onnx.helper.make_attribute("num_outputs", count))
    graph.graph.node.insert(0, split)


def takes_columns(graph: onnx.ModelProto) -> bool:
    """Tell whether a graph has the one input."""
    return [value.name for value in graph.graph.input] == [INPUT]


def described(schema: Schema) -> str:
    """Write what each column means, for whoever feeds the graph: the server refuses one that means another."""
    columns = [_column(feature) for feature in schema.features]
    return json.dumps(columns, ensure_ascii=False, separators=(",", ":"))


def _column(feature: NumberFeature | CategoryFeature) -> dict[str, object]:
    if isinstance(feature, CategoryFeature):
        return {"name": feature.name, "categories": feature.categories}
    return {"name": feature.name}


def _take_places(graph: onnx.ModelProto, feature: CategoryFeature, column: str) -> None:
    """Let encoders compare places; whatever else reads the feature gets its text back."""
    for node in [node for node in graph.graph.node if column in node.input]:
        texts = [attribute for attribute in node.attribute if attribute.name == "cats_strings"]
        if node.op_type == "OneHotEncoder" and texts:
            places = [_place(text.decode(), feature) for text in texts[0].strings]
            node.attribute.remove(texts[0])
            node.attribute.append(onnx.helper.make_attribute("cats_int64s", places))
        else:
            text = f"{column}, text"
            if not any(text in other.output for other in graph.graph.node):
                graph.graph.node.insert(0, _to_text(feature, column, text))
            node.input[:] = [text if name == column else name for name in node.input]
            _require_opset(graph, "ai.onnx.ml", 2)


def _place(text: str, feature: CategoryFeature) -> int:
    place = feature.places.get(text)
    if place is None:
        raise ExportImpossible(
            f"feature {feature.name} encodes {text!r}, which is not one of its categories",
            where="schema.json",
            next_step="list the category there, or encode those alone that are listed",
        )
    return place


def _to_text(feature: CategoryFeature, column: str, output: str) -> onnx.NodeProto:
    return onnx.helper.make_node(
        "LabelEncoder",
        [column],
        [output],
        domain="ai.onnx.ml",
        keys_floats=list(map(float, feature.places.values())),
        values_strings=list(feature.places),
        default_string="\N{REPLACEMENT CHARACTER}",
    )


def _opset(graph: onnx.ModelProto) -> int:
    return next(int(opset.version) for opset in graph.opset_import if opset.domain in {"", "ai.onnx"})


def _require_opset(graph: onnx.ModelProto, domain: str, least: int) -> None:
    for opset in graph.opset_import:
        if opset.domain == domain:
            opset.version = max(opset.version, least)
            return
    graph.opset_import.append(onnx.helper.make_opsetid(domain, least))
