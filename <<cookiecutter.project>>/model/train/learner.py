"""The pipeline that learns: impute, encode, and boost shallow trees."""

from feature_schema import Schema
from hyperparameters import Hyperparameters
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder


def build_pipeline(schema: Schema, hyperparameters: Hyperparameters) -> Pipeline:
    """Return the unfitted pipeline.

    Trees need no scaler, and one would break the export: a scaled float32 can fall on the other side of
    a split than the float64 that scikit-learn compares.
    """
    encode = OneHotEncoder(
        categories=[list(feature.categories) for feature in schema.categories],
        handle_unknown="ignore",
        sparse_output=False,
    )
    columns = ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), [f.name for f in schema.numbers]),
            ("categories", encode, [f.name for f in schema.categories]),
        ]
    )
    return Pipeline([("columns", columns), ("trees", _trees(hyperparameters))])


def _trees(hyperparameters: Hyperparameters) -> GradientBoostingClassifier:
    return GradientBoostingClassifier(
        n_estimators=hyperparameters.n_estimators,
        learning_rate=hyperparameters.learning_rate,
        max_depth=hyperparameters.max_depth,
        min_samples_leaf=hyperparameters.min_samples_leaf,
        subsample=hyperparameters.subsample,
        random_state=hyperparameters.seed,
    )
