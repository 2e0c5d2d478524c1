"""A pipeline that ONNX cannot express is refused by the name of its step."""

import pandas as pd
import pytest
from sagemaker_gitops_modelkit.gates.training import MODEL
from sagemaker_gitops_modelkit.training.data import Split, features, target
from sagemaker_gitops_modelkit.training.export import export
from sagemaker_gitops_modelkit.training.failures import ExportImpossible
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.hyperparameters import load_hyperparameters
from sklearn.base import BaseEstimator, TransformerMixin
from train import Hyperparameters, build_pipeline


class Shouting(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no types
    """A step of somebody's own, which no converter knows."""

    def fit(self, table: pd.DataFrame, truth: object = None) -> "Shouting":
        """Learn nothing."""
        self.fitted_ = True
        return self

    def transform(self, table: pd.DataFrame) -> pd.DataFrame:
        """Change nothing."""
        return table


def test_step_without_a_converter_is_named(split: Split, schema: Schema) -> None:
    """The message names the step, where it stands, and the document with the other ways."""
    pipeline = build_pipeline(schema, load_hyperparameters(MODEL / "config" / "hyperparameters.json", Hyperparameters))
    pipeline.steps.insert(1, ("shouting", Shouting()))
    pipeline.fit(features(split.train, schema), target(split.train, schema))

    with pytest.raises(ExportImpossible, match="the step Shouting cannot be exported") as refused:
        export(pipeline, schema, threshold=0.3)

    assert "docs/howto/own-model.md" in str(refused.value)
