"""The learner: the one part of a training job that a project writes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Generic

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, Pipeline

from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.hyperparameters import H, Hyperparameters


@dataclass(frozen=True, kw_only=True)
class Learner(Generic[H]):
    """The hyperparameters that a learner takes, and how its unfitted pipeline, or one estimator, is made of them."""

    hyperparameters: type[H]
    pipeline: Callable[[Schema, H], BaseEstimator]


AnyLearner = Learner[Any]


def unfitted(learner: AnyLearner, schema: Schema, hyperparameters: Hyperparameters) -> Pipeline:
    """Make a learner's pipeline; an estimator of its own is one of a single step."""
    made = learner.pipeline(schema, hyperparameters)
    return made if isinstance(made, Pipeline) else Pipeline([("learner", made)])


def fit_columns(pipeline: Pipeline, table: pd.DataFrame, truth: npt.NDArray[Any]) -> Any:
    """Fit all steps but the last, and return what they make of the table.

    What is filled in for a missing number is rounded to float32, as the graph holds it: a learner that compares
    float64 could otherwise split between the two.
    """
    before = pipeline[:-1]
    if not before.steps:
        return table
    before.fit(table, truth)
    for imputer in steps_within(before):
        if isinstance(imputer, SimpleImputer) and imputer.statistics_.dtype.kind == "f":
            imputer.statistics_ = imputer.statistics_.astype(np.float32).astype(np.float64)
    return before.transform(table)


def fit(pipeline: Pipeline, table: pd.DataFrame, truth: npt.NDArray[Any]) -> Pipeline:
    """Fit a pipeline as the job does."""
    columns = fit_columns(pipeline, table, truth)
    pipeline[-1].fit(columns, truth)
    return pipeline


def steps_within(step: Any) -> Iterator[Any]:
    """Yield the estimators within a step, the fitted ones if it is; or the step itself."""
    match step:
        case Pipeline():
            inner = [part for _, part in step.steps]
        case ColumnTransformer():
            inner = [part for _, part, _ in getattr(step, "transformers_", step.transformers)]
        case FeatureUnion():
            inner = [part for _, part in step.transformer_list]
        case _:
            yield step
            return
    for part in inner:
        yield from steps_within(part)
