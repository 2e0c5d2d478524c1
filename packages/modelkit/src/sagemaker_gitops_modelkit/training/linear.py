"""The simplest model that could do: a logistic or linear regression on the same rows, to hold a model against."""

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from sagemaker_gitops_modelkit.training.data import Split, as_served, features, target
from sagemaker_gitops_modelkit.training.evaluation import judge
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.scoring import figures


def linear_quality(split: Split, schema: Schema, *, threshold: float) -> dict[str, float]:
    """Fit it on the training rows; return its metrics over the held-out ones, decided by the model's threshold."""
    learnt, held = (as_served(features(rows, schema), schema) for rows in (split.train, split.test))
    fitted = _unfitted(schema).fit(learnt, target(split.train, schema))
    given = fitted.predict_proba(held) if schema.classes else fitted.predict(held).reshape(-1, 1)
    return judge(figures(np.asarray(given, dtype=np.float64)), split.test, schema, threshold=threshold).quality()


def _unfitted(schema: Schema) -> Pipeline:
    numbers = make_pipeline(SimpleImputer(strategy="median", keep_empty_features=True), StandardScaler())
    encode = OneHotEncoder(categories=[list(f.categories) for f in schema.categories], handle_unknown="ignore")
    columns = ColumnTransformer(
        [
            ("numbers", numbers, [feature.name for feature in schema.numbers]),
            ("categories", encode, [feature.name for feature in schema.categories]),
        ]
    )
    return make_pipeline(columns, LogisticRegression(max_iter=1000) if schema.classes else Ridge())
