"""What a tuner compares jobs by: cross-validation on the training rows, so that held-out rows stay unseen."""

import numpy as np
import pandas as pd
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import StratifiedKFold

from sagemaker_gitops_modelkit.training.data import features, target
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.hyperparameters import Hyperparameters
from sagemaker_gitops_modelkit.training.learner import AnyLearner

_FOLDS = 5


def validate(
    train: pd.DataFrame, schema: Schema, learner: AnyLearner, hyperparameters: Hyperparameters
) -> dict[str, float]:
    """Return the metrics over all training rows, each scored by a model that has not seen it."""
    table, truth = features(train, schema), target(train, schema)
    scores = np.empty(len(truth))
    for learnt, held in StratifiedKFold(_FOLDS, shuffle=True, random_state=hyperparameters.seed).split(table, truth):
        pipeline = learner.pipeline(schema, hyperparameters).fit(table.iloc[learnt], truth[learnt])
        scores[held] = pipeline.predict_proba(table.iloc[held])[:, 1]
    return {
        "roc_auc": round(float(roc_auc_score(truth, scores)), 6),
        "log_loss": round(float(log_loss(truth, scores)), 6),
    }
