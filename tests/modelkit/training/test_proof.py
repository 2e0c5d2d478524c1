"""The proof of equality on data and learners that nobody tuned it for: wrong graphs are refused, right ones pass."""

from itertools import product
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sagemaker_gitops_modelkit.training.data import as_served, features, target
from sagemaker_gitops_modelkit.training.export import export
from sagemaker_gitops_modelkit.training.failures import ExportDiffers
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.learner import fit
from sagemaker_gitops_modelkit.training.parity import TOLERANCE, Parity, prove_equal
from sagemaker_gitops_modelkit.training.scoring import open_session, score
from sklearn.compose import ColumnTransformer
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    AdaBoostClassifier,
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier
from tests.modelkit.foreign import Foreign, breast_cancer

OTHER_ROWS = 4000
SCALERS = {
    "MinMaxScaler": MinMaxScaler(),
    "StandardScaler": StandardScaler(),
    "MaxAbsScaler": MaxAbsScaler(),
    "RobustScaler": RobustScaler(),
    "QuantileTransformer": QuantileTransformer(n_quantiles=50, random_state=0),
    "KBinsDiscretizer": KBinsDiscretizer(9, encode="ordinal", strategy="uniform"),
}
TREES: dict[str, Any] = {
    "gradient boosting": GradientBoostingClassifier(n_estimators=40, random_state=0),
    "histogram boosting": HistGradientBoostingClassifier(max_iter=25, random_state=0),
    "random forest": RandomForestClassifier(25, random_state=0),
    "extra trees": ExtraTreesClassifier(25, random_state=0),
    "one tree": DecisionTreeClassifier(min_samples_leaf=4, random_state=0),
    "ada boost": AdaBoostClassifier(DecisionTreeClassifier(max_depth=2), n_estimators=15, random_state=0),
}
SMOOTH: dict[str, Any] = {
    "logistic regression": LogisticRegression(max_iter=5000),
    "perceptron": MLPClassifier((8,), max_iter=400, random_state=0),
}
IMPUTERS: dict[str, Any] = {
    "median": SimpleImputer(strategy="median"),
    "mean": SimpleImputer(strategy="mean"),
    "constant": SimpleImputer(strategy="constant", fill_value=-7.5),
}


@pytest.fixture(scope="module")
def data() -> Foreign:
    """Return data with gaps and two kinds of category."""
    return breast_cancer()


def encoders(schema: Schema) -> dict[str, Any]:
    """Return what makes numbers of categories, each open to unknown ones."""
    lists = [list(category.categories) for category in schema.categories]
    return {
        "one-hot": OneHotEncoder(categories=lists, handle_unknown="ignore", sparse_output=False),
        "sparse one-hot": OneHotEncoder(categories=lists, handle_unknown="ignore"),
        "ordinal": OrdinalEncoder(categories=lists, handle_unknown="use_encoded_value", unknown_value=-1),
    }


def columns(schema: Schema, *, numbers: Any, encoder: Any, categories_first: bool = False) -> ColumnTransformer:
    """Return the two halves of the preprocessing, in either order."""
    halves = [
        ("zahlen", numbers, [number.name for number in schema.numbers]),
        ("klassen", encoder, [category.name for category in schema.categories]),
    ]
    return ColumnTransformer(halves[::-1] if categories_first else halves)


def fitted(data: Foreign, *steps: Any) -> Pipeline:
    """Fit on the rows as they will be served."""
    train, schema = data.split.train, data.schema
    table = as_served(features(train, schema), schema)
    return fit(make_pipeline(*steps), table, target(train, schema))


def proven(data: Foreign, pipeline: Pipeline) -> Parity:
    """Export and prove."""
    model = export(pipeline, data.schema, threshold=0.4)
    return prove_equal(pipeline, model, features(data.split.test, data.schema), data.schema, threshold=0.4)


@pytest.mark.parametrize("categories_first", [False, True])
@pytest.mark.parametrize("name", SCALERS)
@pytest.mark.filterwarnings("ignore:Bins whose width")
def test_scaler_before_trees_is_refused_by_name(data: Foreign, name: str, *, categories_first: bool) -> None:
    """At the true raw edges the graph goes to the other side; the message names the step and a way out."""
    scaled = make_pipeline(SimpleImputer(strategy="median"), SCALERS[name])
    encoder = encoders(data.schema)["one-hot"]
    prepared = columns(data.schema, numbers=scaled, encoder=encoder, categories_first=categories_first)
    pipeline = fitted(data, prepared, TREES["gradient boosting"])

    with pytest.raises(ExportDiffers, match=rf"edges were probed; {name} before GradientBoosting") as refused:
        proven(data, pipeline)

    assert "a tree needs no scaler" in str(refused.value.next_step)


@pytest.mark.parametrize("categories_first", [False, True])
def test_edges_are_found_wherever_the_columns_stand(data: Foreign, *, categories_first: bool) -> None:
    """Nearly every split value of a tree in raw feature space is among the probed edges."""
    schema = data.schema
    encoder = encoders(schema)["one-hot"]
    numbers = SimpleImputer(strategy="median")
    prepared = columns(schema, numbers=numbers, encoder=encoder, categories_first=categories_first)
    pipeline = fitted(data, prepared, TREES["gradient boosting"])
    first = 6 if categories_first else 0
    splits = {
        (column - first, float(split))
        for tree in (estimator.tree_ for estimator in pipeline[-1].estimators_.ravel())
        for column, split in zip(tree.feature, tree.threshold, strict=True)
        if 0 <= column - first < len(schema.numbers)
    }

    parity = proven(data, pipeline)

    assert 0.8 * len(splits) <= parity.edges <= len(splits)


def test_learner_without_trees_has_edges_where_its_columns_jump(data: Foreign) -> None:
    """The cuts of bins are edges, whatever learns from them."""
    binned = make_pipeline(SimpleImputer(strategy="median"), KBinsDiscretizer(3, encode="onehot-dense"))
    prepared = columns(data.schema, numbers=binned, encoder=encoders(data.schema)["one-hot"])
    pipeline = fitted(data, prepared, SMOOTH["logistic regression"])
    cuts = sum(len(edges) - 2 for edges in pipeline[0].transformers_[0][1][-1].bin_edges_)

    try:
        edges = str(proven(data, pipeline).edges)
    except ExportDiffers as refused:  # a cut between two float32 values is one that a graph cannot keep
        edges = refused.what

    assert str(cuts) in edges


def test_smooth_learner_has_no_edges(data: Foreign) -> None:
    """A logistic regression on scaled numbers passes, and nothing of it is mistaken for a jump."""
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    prepared = columns(data.schema, numbers=scaled, encoder=encoders(data.schema)["one-hot"])

    parity = proven(data, fitted(data, prepared, SMOOTH["logistic regression"]))

    assert (parity.edges, parity.label_flips) == (0, 0)
    assert parity.edge_rows > OTHER_ROWS / 2


RIGHT = [
    *product(TREES, IMPUTERS, ["one-hot"]),
    *product(SMOOTH, ["median", "mean"], ["one-hot"]),
    *product(["gradient boosting", "random forest", "logistic regression", "one tree"], ["median"], ["sparse one-hot"]),
    *product(["gradient boosting", "random forest", "histogram boosting", "one tree"], ["median"], ["ordinal"]),
    ("histogram boosting", None, "one-hot"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("learner", "imputer", "encoder"), RIGHT)
def test_right_graph_passes_and_is_equal_elsewhere(
    data: Foreign, learner: str, imputer: str | None, encoder: str
) -> None:
    """What the proof lets through answers other rows, which it never saw, as scikit-learn does."""
    schema = data.schema
    numbers = IMPUTERS[imputer] if imputer else "passthrough"
    if learner in SMOOTH:
        numbers = make_pipeline(numbers, StandardScaler())
    prepared = columns(schema, numbers=numbers, encoder=encoders(schema)[encoder])
    pipeline = fitted(data, prepared, {**TREES, **SMOOTH}[learner])
    model = export(pipeline, schema, threshold=0.4)
    other = elsewhere(data)

    parity = prove_equal(pipeline, model, features(data.split.test, schema), schema, threshold=0.4)

    expected = pipeline.predict_proba(as_served(other, schema))[:, 1]
    assert np.abs(expected - score(open_session(model), other, schema)).max() <= TOLERANCE
    assert parity.edges > 0 or learner in SMOOTH


def test_wrong_converter_is_told_from_a_scaler(data: Foreign) -> None:
    """skl2onnx gives two-class discriminants other probabilities: ordinary rows show it, and no scaler is blamed."""
    scaled = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    prepared = columns(data.schema, numbers=scaled, encoder=encoders(data.schema)["one-hot"])

    with pytest.raises(ExportDiffers, match="the converter of LinearDiscriminantAnalysis") as refused:
        proven(data, fitted(data, prepared, LinearDiscriminantAnalysis()))

    assert "scaler" not in str(refused.value)


def test_there_are_as_many_right_graphs_as_promised() -> None:
    """Thirty-one combinations."""
    assert len(RIGHT) == 31


def elsewhere(data: Foreign) -> pd.DataFrame:
    """Draw rows that no proof was made on: real values of different rows, stirred, with gaps and unknowns."""
    table, draw = features(data.split.train, data.schema), np.random.default_rng(77)
    rows = pd.DataFrame(
        {name: draw.permutation(np.resize(column.to_numpy(), OTHER_ROWS)) for name, column in table.items()}
    )
    for number in data.schema.numbers:
        stirred = draw.random(OTHER_ROWS) < 0.5
        rows.loc[stirred, number.name] *= draw.uniform(0.9, 1.1, stirred.sum())
        rows.loc[draw.random(OTHER_ROWS) < 0.05, number.name] = np.nan
    rows.loc[draw.random(OTHER_ROWS) < 0.05, "Zellkern"] = "nie gesehen"
    rows.loc[draw.random(OTHER_ROWS) < 0.05, "Zellkern"] = ""
    return rows
