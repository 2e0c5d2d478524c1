"""The learner: the one part of a training job that a project writes."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic

from sklearn.pipeline import Pipeline

from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.hyperparameters import H


@dataclass(frozen=True, kw_only=True)
class Learner(Generic[H]):
    """The hyperparameters that a learner takes, and how its unfitted pipeline is made of them."""

    hyperparameters: type[H]
    pipeline: Callable[[Schema, H], Pipeline]


AnyLearner = Learner[Any]
