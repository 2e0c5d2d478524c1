"""What a tuner compares jobs by: cross-validation on the training rows, so that held-out rows stay unseen."""

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.metrics import log_loss
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.pipeline import Pipeline

from sagemaker_gitops_modelkit.training.data import as_served, features, target
from sagemaker_gitops_modelkit.training.evaluation import judge
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.hyperparameters import Hyperparameters
from sagemaker_gitops_modelkit.training.learner import AnyLearner, fit, unfitted

_FOLDS = 5


def validate(
    train: pd.DataFrame, schema: Schema, learner: AnyLearner, hyperparameters: Hyperparameters
) -> dict[str, float]:
    """Return the metrics over all training rows, each answered by a model that has not seen it."""
    table, truth = as_served(features(train, schema), schema), target(train, schema)
    kind = StratifiedKFold if schema.classes else KFold
    folds = kind(_FOLDS, shuffle=True, random_state=hyperparameters.seed).split(table, truth)
    answers = np.empty((len(truth), max(1, len(schema.classes))))
    for learnt, held in folds:
        pipeline = fit(unfitted(learner, schema, hyperparameters), table.iloc[learnt], truth[learnt])
        answers[held] = _answers(pipeline, table.iloc[held], schema)
    shaped = answers if schema.task == "multiclass" else answers[:, -1]
    quality = judge(shaped, train, schema, threshold=hyperparameters.threshold).quality()
    losses = {"log_loss": round(float(log_loss(truth, answers)), 6)} if schema.classes else {}
    return quality | losses


def _answers(pipeline: Pipeline, rows: pd.DataFrame, schema: Schema) -> npt.NDArray[np.float64]:
    if schema.classes:
        return np.asarray(pipeline.predict_proba(rows), dtype=np.float64)
    return np.asarray(pipeline.predict(rows), dtype=np.float64).reshape(-1, 1)
