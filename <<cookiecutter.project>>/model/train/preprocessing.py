"""What is done to the raw columns before a learner sees them. It is part of the model: serving does the same."""

from sagemaker_gitops_modelkit.training import Schema
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import OneHotEncoder


def columns(schema: Schema) -> ColumnTransformer:
    """Fill missing numbers with the median, and give each category a column of its own."""
    encode = OneHotEncoder(
        categories=[list(feature.categories) for feature in schema.categories],
        handle_unknown="ignore",
        sparse_output=False,
    )
    return ColumnTransformer(
        [
            ("numbers", SimpleImputer(strategy="median"), [feature.name for feature in schema.numbers]),
            ("categories", encode, [feature.name for feature in schema.categories]),
        ]
    )
