"""What skl2onnx needs to be told: other libraries' learners, and numbers that a graph can hold without a change.

Two causes, both where a converter hands its lists to ONNX. protobuf takes Python's integers alone for a list of
integers, and the converter of HistGradientBoosting passes booleans (its default for the same list says that ONNX
cannot use them: skl2onnx/common/tree_ensemble.py, `add_node`). And LightGBM and HistGradientBoosting split at float64
values, which rounded to the nearest float32 send some float32 values to the other side
(https://github.com/onnx/onnx/pull/3897): a split is rounded down, so that each float32 keeps its side.
"""

import copy
from collections.abc import Callable
from importlib import import_module
from typing import Any

import numpy as np
import numpy.typing as npt
from skl2onnx import update_registered_converter
from skl2onnx.common._registration import get_converter
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from sklearn.base import BaseEstimator, is_classifier
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

from sagemaker_gitops_modelkit.training.failures import ExportImpossible

Converter = Callable[[Any, Any, Any], None]

_OTHERS = {
    "xgboost": ("onnxmltools.convert.xgboost.operator_converters.XGBoost", "convert_xgboost"),
    "lightgbm": ("onnxmltools.convert.lightgbm.operator_converters.LightGbm", "convert_lightgbm"),
}
_HISTOGRAM = {
    HistGradientBoostingClassifier: "SklearnHistGradientBoostingClassifier",
    HistGradientBoostingRegressor: "SklearnHistGradientBoostingRegressor",
}
# Written by the converters at both kinds of node; x <= split in all of them.
_COMPARES = {"BRANCH_LEQ", b"BRANCH_LEQ"}


def converters(learner: BaseEstimator) -> dict[type[BaseEstimator], Converter]:
    """Return the converters to be used in place of skl2onnx's own; make another library's learner known to it."""
    kind, library = type(learner), type(learner).__module__.partition(".")[0]
    if library in _OTHERS:
        convert = _imported(library)
        _register(learner, convert)
        return {kind: _plainly(convert)}
    return {kind: _plainly(_at_float32(get_converter(_HISTOGRAM[kind])))} if kind in _HISTOGRAM else {}


def _imported(library: str) -> Converter:
    module, name = _OTHERS[library]
    try:
        convert: Converter = getattr(import_module(module), name)
    except ImportError as absent:
        extra = f"sagemaker-gitops-modelkit[train,{library}]"
        raise ExportImpossible(
            f"a learner of {library} is exported by onnxmltools, which is not installed: {absent}",
            where="pyproject.toml",
            next_step=f'write "{extra}" into the groups `train` and `project`, and run `make lock` and `make setup`',
        ) from absent
    return convert


def _register(learner: BaseEstimator, convert: Converter) -> None:
    shapes, options = calculate_linear_regressor_output_shapes, {}
    if is_classifier(learner):
        shapes = calculate_linear_classifier_output_shapes
        options = {"nocl": [True, False], "zipmap": [True, False, "columns"]}
    kind = type(learner)
    update_registered_converter(kind, kind.__name__, shapes, convert, options=options)


class _Plain:
    """A container of a graph's nodes that takes each list as ONNX can hold it."""

    def __init__(self, container: Any) -> None:
        self._container = container

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, op_type: str, inputs: Any, outputs: Any, **attributes: Any) -> None:
        """Add a node with lists of plain numbers, and with its splits rounded."""
        plain = {name: _plain(value) for name, value in attributes.items()}
        if _COMPARES & set(plain.get("nodes_modes", ())):
            plain["nodes_values"] = _rounded_down(plain["nodes_values"]).tolist()
        self._container.add_node(op_type, inputs, outputs, **plain)


def _plainly(convert: Converter) -> Converter:
    return lambda scope, operator, container: convert(scope, operator, _Plain(container))


def _at_float32(convert: Converter) -> Converter:
    """Let a converter that rounds by itself see a histogram's splits where no rounding is left to do."""

    def converted(scope: Any, operator: Any, container: Any) -> None:
        rounded = copy.copy(operator)
        rounded.raw_operator = copy.copy(operator.raw_operator)
        rounded.raw_operator._predictors = copy.deepcopy(operator.raw_operator._predictors)
        for tree in (tree for trees in rounded.raw_operator._predictors for tree in trees):
            tree.nodes["num_threshold"] = _rounded_down(tree.nodes["num_threshold"])
        convert(scope, rounded, container)

    return converted


def _plain(value: Any) -> Any:
    if isinstance(value, list | np.ndarray):
        return [_plain(item) for item in value]
    if isinstance(value, bool | np.bool_ | np.integer):
        return int(value)
    return float(value) if isinstance(value, np.floating) else value


def _rounded_down(values: Any) -> npt.NDArray[np.float64]:
    """Return the largest float32 values that are not above each."""
    exact = np.asarray(values, dtype=np.float64)
    near = exact.astype(np.float32)
    return np.where(near > exact, np.nextafter(near, np.float32(-np.inf)), near).astype(np.float64)
