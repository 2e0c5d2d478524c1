"""Learners of other libraries are exported and proven like scikit-learn's own, or refused by a message that helps."""

from typing import Any

import lightgbm
import numpy as np
import pytest
import xgboost
from sagemaker_gitops_modelkit.training import converters
from sagemaker_gitops_modelkit.training.data import as_served, features, target
from sagemaker_gitops_modelkit.training.export import export
from sagemaker_gitops_modelkit.training.failures import ExportImpossible
from sagemaker_gitops_modelkit.training.learner import fit
from sagemaker_gitops_modelkit.training.parity import prove_equal
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor
from sklearn.gaussian_process import GaussianProcessClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, SplineTransformer
from tests.modelkit.foreign import Foreign, breast_cancer, diabetes, wine

ROUNDS: dict[str, Any] = {"n_estimators": 15, "random_state": 0}
LEARNERS: dict[str, tuple[Foreign, Any]] = {
    "xgboost, two classes": (breast_cancer(), xgboost.XGBClassifier(**ROUNDS)),
    "xgboost, three classes": (wine(), xgboost.XGBClassifier(**ROUNDS)),
    "xgboost, a number": (diabetes(), xgboost.XGBRegressor(**ROUNDS)),
    "lightgbm, two classes": (breast_cancer(), lightgbm.LGBMClassifier(verbose=-1, **ROUNDS)),
    "lightgbm, three classes": (wine(), lightgbm.LGBMClassifier(verbose=-1, **ROUNDS)),
    "lightgbm, a number": (diabetes(), lightgbm.LGBMRegressor(verbose=-1, **ROUNDS)),
    "histogram, three classes": (wine(), HistGradientBoostingClassifier(max_iter=15, random_state=0)),
    "histogram, a number": (diabetes(), HistGradientBoostingRegressor(max_iter=15, random_state=0)),
}


def fitted(data: Foreign, learner: Any, numbers: Any = "passthrough") -> Pipeline:
    """Fit as the job does; these learners take missing numbers themselves."""
    lists = [list(category.categories) for category in data.schema.categories]
    encode = OneHotEncoder(categories=lists, handle_unknown="ignore", sparse_output=False)
    columns = ColumnTransformer(
        [
            ("numbers", numbers, [number.name for number in data.schema.numbers]),
            ("categories", encode, [category.name for category in data.schema.categories]),
        ]
    )
    train = data.split.train
    table = as_served(features(train, data.schema), data.schema)
    return fit(Pipeline([("columns", columns), ("learner", learner)]), table, target(train, data.schema))


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
def test_boosting_of_each_library_is_equal_at_its_edges(name: str) -> None:
    """Two classes, three and a number, with missing values: equal to the library itself at every edge found."""
    data, learner = LEARNERS[name]
    pipeline = fitted(data, learner)

    model = export(pipeline, data.schema, threshold=0.4)
    parity = prove_equal(pipeline, model, features(data.split.test, data.schema), data.schema, threshold=0.4)

    assert parity.edges > 30
    assert parity.max_abs_difference <= parity.tolerance


def test_split_between_two_floats_keeps_each_on_its_side() -> None:
    """Rounded down, a split sends a float32 where the float64 sent it."""
    splits = np.array([0.1, 1 / 3, 2.5, -0.7])

    rounded = converters._rounded_down(splits)

    neighbours = [np.nextafter(np.float32(s), np.float32(side)) for s in splits for side in (-np.inf, np.inf)]
    for split, kept in zip(splits, rounded, strict=True):
        assert [float(x) <= split for x in neighbours] == [float(x) <= kept for x in neighbours]


def test_library_without_its_converter_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever installs XGBoost alone is told what else, and where."""
    data, learner = LEARNERS["xgboost, two classes"]
    monkeypatch.setitem(converters._OTHERS, "xgboost", ("onnxmltools_is_absent", "convert"))

    with pytest.raises(ExportImpossible, match="exported by onnxmltools, which is not installed") as refused:
        export(fitted(data, learner), data.schema, threshold=0.4)

    assert "sagemaker-gitops-modelkit[train,xgboost]" in str(refused.value.next_step)


@pytest.mark.parametrize(
    ("numbers", "learner", "step"),
    [
        (SplineTransformer(), HistGradientBoostingClassifier(max_iter=2), "SplineTransformer"),
        ("passthrough", GaussianProcessClassifier(), "GaussianProcessClassifier"),
    ],
)
def test_every_failure_of_an_export_is_one_message(numbers: Any, learner: Any, step: str) -> None:
    """Whatever the converter raises: the step, the first line of the cause, and three ways on."""
    data = breast_cancer(complete=True)
    pipeline = fitted(data, learner, numbers)

    with pytest.raises(ExportImpossible, match=f"the step {step} cannot be exported to ONNX: ") as refused:
        export(pipeline, data.schema, threshold=0.4)

    assert refused.value.__cause__ is not None
    assert len(refused.value.what.splitlines()) == 1
    assert str(refused.value.next_step).count("; or ") == 2
