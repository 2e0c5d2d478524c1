"""The training container, `train.py train`: which pipeline learns. The rest is the modelkit's."""

import sys
from dataclasses import dataclass

from preprocessing import columns
from sagemaker_gitops_modelkit.training import BoostingHyperparameters, Learner, Schema, between, main
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import Pipeline


@dataclass(frozen=True, kw_only=True)
class Hyperparameters(BoostingHyperparameters):
    """What model/config/hyperparameters.json must hold beside rounds, threshold and seed, and between which bounds."""

    learning_rate: float = between(0.0001, 1)
    max_depth: int = between(1, 12)
    min_samples_leaf: int = between(1, 100_000)
    subsample: float = between(0.05, 1)


def build_pipeline(schema: Schema, hyperparameters: Hyperparameters) -> Pipeline:
    """Return the unfitted pipeline: shallow boosted trees on the prepared columns.

    Trees need no scaler, and one would break the export: a scaled float32 can fall on the other side of
    a split than the float64 that scikit-learn compares.
    """
    trees = GradientBoostingClassifier(
        n_estimators=hyperparameters.n_estimators,
        learning_rate=hyperparameters.learning_rate,
        max_depth=hyperparameters.max_depth,
        min_samples_leaf=hyperparameters.min_samples_leaf,
        subsample=hyperparameters.subsample,
        random_state=hyperparameters.seed,
    )
    return Pipeline([("columns", columns(schema)), ("trees", trees)])


LEARNER = Learner(hyperparameters=Hyperparameters, pipeline=build_pipeline)

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], LEARNER))
