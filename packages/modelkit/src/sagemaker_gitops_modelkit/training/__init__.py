"""Training by SageMaker's contract: what a project's train.py takes, and what becomes of it."""

from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.hyperparameters import BoostingHyperparameters, Hyperparameters, between
from sagemaker_gitops_modelkit.training.job import main
from sagemaker_gitops_modelkit.training.learner import Learner

__all__ = ["BoostingHyperparameters", "Hyperparameters", "Learner", "Schema", "between", "main"]
