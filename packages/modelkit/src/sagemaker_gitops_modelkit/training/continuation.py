"""Fine-tuning: further rounds of boosting on a trained graph, exported as one graph.

The parent is taken as its artefact holds it: its graph gives the columns and the score that new trees
correct, and the new trees are appended to its ensemble. No pickle is kept, and no parent is retrained.
"""

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import Pipeline

from sagemaker_gitops_modelkit.training.columns import take_columns
from sagemaker_gitops_modelkit.training.data import onnx_inputs
from sagemaker_gitops_modelkit.training.export import as_bytes, describe, export_trees
from sagemaker_gitops_modelkit.training.failures import InputRefused
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.hyperparameters import BoostingHyperparameters, Hyperparameters
from sagemaker_gitops_modelkit.training.parent import Parent
from sagemaker_gitops_modelkit.training.scoring import open_session

ENSEMBLE = "TreeEnsembleClassifier"
Columns = npt.NDArray[np.float32]


@dataclass(frozen=True, kw_only=True)
class Continued:
    """A fine-tuned model: what scikit-learn computes, and the graph it continues."""

    pipeline: Pipeline
    parent: onnx.ModelProto

    def export(self, schema: Schema, *, threshold: float) -> bytes:
        """Return the parent's graph with the new trees in its ensemble."""
        graph = copy.deepcopy(self.parent)
        append(ensemble(graph), ensemble(export_trees(self.pipeline[-1])))
        describe(graph, schema, threshold=threshold)
        return as_bytes(graph)


class ParentColumns(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """The parent's own preprocessing: what its ensemble sees of a table."""

    def __init__(self, session: onnxruntime.InferenceSession, schema: Schema) -> None:
        self.session = session
        self.schema = schema

    def fit(self, *_: object) -> "ParentColumns":
        """Learn nothing: medians and categories are the parent's."""
        return self

    def transform(self, table: pd.DataFrame) -> Columns:
        """Return the columns, shape (rows, inputs of the ensemble)."""
        (columns,) = self.session.run(None, onnx_inputs(table, self.schema))
        return np.asarray(columns, dtype=np.float32)

    def __sklearn_is_fitted__(self) -> bool:
        return True


class ParentScore(ClassifierMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn is untyped
    """The parent's ensemble as the first guess of the boosting that continues it."""

    def __init__(self, session: onnxruntime.InferenceSession) -> None:
        self.session = session

    def fit(self, *_: object) -> "ParentScore":
        """Learn nothing: the parent is as it was registered."""
        return self

    def predict_proba(self, columns: Columns) -> npt.NDArray[np.float64]:
        """Return the parent's probabilities, shape (rows, 2)."""
        name = self.session.get_inputs()[0].name
        (probabilities,) = self.session.run(None, {name: np.asarray(columns, dtype=np.float32)})
        return np.asarray(probabilities, dtype=np.float64)

    def predict(self, columns: Columns) -> npt.NDArray[np.int64]:
        """Return the likelier class."""
        return np.asarray(self.predict_proba(columns)[:, 1] >= 0.5, dtype=np.int64)


def additional_rounds(hyperparameters: Hyperparameters) -> int:
    """Return how many rounds fine-tuning adds."""
    if not isinstance(hyperparameters, BoostingHyperparameters):
        raise InputRefused(
            f"{type(hyperparameters).__name__} says nothing of rounds, so nothing can be added to a parent",
            where="model/train/train.py",
            next_step="derive it from BoostingHyperparameters, or train from scratch, without --from",
        )
    return hyperparameters.additional_rounds


def continue_from(parent: Parent, unfitted: Pipeline, *, rounds: int) -> Continued:
    """Return the unfitted pipeline that adds rounds to the parent's; its learner says how."""
    learner = unfitted[-1]
    if parent.schema.task != "binary":
        raise InputRefused(
            f"a {parent.schema.task} model cannot be fine-tuned: rounds are added to a binary task's boosting alone",
            where="model/config/schema.json",
            next_step="train from scratch, without --from",
        )
    if not isinstance(learner, GradientBoostingClassifier):
        raise InputRefused(
            f"{type(learner).__name__} cannot continue from a parent: only boosting adds rounds to a model",
            where="model/train/train.py",
            next_step="train from scratch, without --from, or choose GradientBoostingClassifier",
        )
    graph = onnx.load_from_string(parent.graph)
    take_columns(graph, parent.schema)  # an older parent takes texts
    node = ensemble(graph)
    columns = ParentColumns(_open(_until(graph, node.input[0])), parent.schema)
    trees = learner.set_params(n_estimators=rounds, init=ParentScore(_open(_alone(graph, node))))
    return Continued(pipeline=Pipeline([("columns", columns), ("trees", trees)]), parent=graph)


def ensemble(graph: onnx.ModelProto) -> onnx.NodeProto:
    """Find the graph's boosted trees."""
    nodes = [node for node in graph.graph.node if node.domain == "ai.onnx.ml"]
    boosted = [node for node in nodes if node.op_type == ENSEMBLE and _post_transform(node) == b"LOGISTIC"]
    if len(boosted) != 1:
        learners = ", ".join(sorted({n.op_type for n in nodes if "Classifier" in n.op_type})) or "no classifier"
        raise InputRefused(
            f"the parent holds {learners} without one ensemble of boosted trees, so no round can be added",
            where="model.onnx of the parent",
            next_step="train from scratch, without --from",
        )
    node: onnx.NodeProto = boosted[0]
    return node


def append(node: onnx.NodeProto, more: onnx.NodeProto) -> None:
    """Add the trees of another ensemble to a node's; the node keeps its base value."""
    lists = {a.name: a for a in node.attribute if a.name.startswith(("nodes_", "class_"))}
    added = {a.name: a for a in more.attribute if a.name in lists}
    if missing := set(lists) - set(added):
        raise InputRefused(
            f"the parent's exporter wrote {', '.join(sorted(missing))}, which this one does not",
            where="model.onnx of the parent",
            next_step="train from scratch with this image, then fine-tune what comes out",
        )
    first = max(lists["nodes_treeids"].ints) + 1
    for name in ("nodes_treeids", "class_treeids"):
        added[name].ints[:] = [tree + first for tree in added[name].ints]
    for name, attribute in lists.items():
        for field in ("ints", "floats", "strings"):
            getattr(attribute, field).extend(getattr(added[name], field))


def _post_transform(node: onnx.NodeProto) -> bytes:
    return next((bytes(a.s) for a in node.attribute if a.name == "post_transform"), b"")


def _until(model: onnx.ModelProto, name: str) -> onnx.ModelProto:
    part = copy.deepcopy(model)
    del part.graph.output[:]
    part.graph.output.append(onnx.ValueInfoProto(name=name))
    return part


def _alone(model: onnx.ModelProto, node: onnx.NodeProto) -> onnx.ModelProto:
    value = onnx.helper.make_tensor_value_info(node.input[0], onnx.TensorProto.FLOAT, [None, None])
    answer = onnx.helper.make_tensor_value_info(node.output[1], onnx.TensorProto.FLOAT, [None, 2])
    graph = onnx.helper.make_graph([node], "ensemble", [value], [answer])
    return onnx.helper.make_model(graph, opset_imports=model.opset_import, ir_version=model.ir_version)


def _open(model: onnx.ModelProto) -> onnxruntime.InferenceSession:
    return open_session(model.SerializeToString())
