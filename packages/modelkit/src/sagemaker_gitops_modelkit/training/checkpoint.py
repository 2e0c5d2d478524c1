"""Checkpoints of boosting: what is needed to go on, tree by tree, as if nothing had happened.

SageMaker copies /opt/ml/checkpoints to S3 while a job runs, and brings it back after spot capacity was lost.
A checkpoint holds numbers alone, no pickle: whoever can write there can spoil a model, but run no code.
"""

import copy
import hashlib
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import GradientBoostingClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree._tree import Tree

from sagemaker_gitops_modelkit.training.learner import fit as learner_fit
from sagemaker_gitops_modelkit.training.learner import fit_columns

_FILE = "boosting.npz"
# Each holds all trees up to it, so they are few.
_PER_JOB = 20
Arrays = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Checkpoints:
    """A folder for checkpoints of one fit; `identity` says what is fitted to what."""

    folder: Path
    identity: str

    @property
    def path(self) -> Path:
        """Where the newest one is."""
        return self.folder / _FILE

    def save(self, learner: GradientBoostingClassifier, rounds: int) -> None:
        """Replace the former checkpoint at once; one that was cut off never bears the name."""
        draft = self.folder / f".{_FILE}.part"
        with draft.open("wb") as file:
            np.savez(file, allow_pickle=False, identity=np.array(self.identity), **_state(learner, rounds))
        draft.replace(self.path)

    def load(self) -> Arrays | None:
        """Read the newest checkpoint; None if there is none that fits."""
        try:
            with np.load(self.path, allow_pickle=False) as held:
                arrays = {name: held[name] for name in held.files}
        except (OSError, ValueError, zipfile.BadZipFile, KeyError):
            return None
        return arrays if str(arrays.get("identity")) == self.identity else None


def fit(pipeline: Pipeline, table: Any, target: npt.NDArray[Any], folder: Path) -> Pipeline:
    """Fit a pipeline; with a folder for checkpoints, go on from the newest one."""
    learner = pipeline[-1]
    if not folder.is_dir() or not isinstance(learner, GradientBoostingClassifier):
        return learner_fit(pipeline, table, target)
    columns = fit_columns(pipeline, table, target)
    kept = Checkpoints(folder=folder, identity=_identity(learner, columns, target))
    rounds = learner.get_params()["n_estimators"]
    if state := kept.load():
        print(f"continuing after round {len(state['counts'])} of {rounds}, from a checkpoint", flush=True)  # noqa: T201
        _restore(learner, columns, target, state)
    learner.fit(columns, target, monitor=_saving(kept, rounds))
    return pipeline


def _saving(kept: Checkpoints, rounds: int) -> Callable[[int, GradientBoostingClassifier, Mapping[str, Any]], bool]:
    every = max(1, rounds // _PER_JOB)

    def after_round(before: int, learner: GradientBoostingClassifier, _: Mapping[str, Any]) -> bool:
        done = before + 1
        # Never all of them: scikit-learn cannot go on where no round is left.
        if done % every == 0 and done < rounds:
            kept.save(learner, done)
        return False

    return after_round


def _identity(learner: GradientBoostingClassifier, columns: Any, target: npt.NDArray[Any]) -> str:
    digest = hashlib.sha256(repr(sorted(learner.get_params().items())).encode())
    digest.update(np.ascontiguousarray(columns).tobytes())
    digest.update(np.ascontiguousarray(target).tobytes())
    return digest.hexdigest()


def _state(learner: GradientBoostingClassifier, rounds: int) -> dict[str, npt.NDArray[Any]]:
    states = [tree.tree_.__getstate__() for tree in learner.estimators_[:rounds, 0]]
    name, keys, position, gauss, cached = learner._rng.get_state()
    numbers = {
        "nodes": np.concatenate([state["nodes"] for state in states]),
        "values": np.concatenate([state["values"] for state in states]),
        "counts": np.array([state["node_count"] for state in states]),
        "depths": np.array([state["max_depth"] for state in states]),
        "scores": learner.train_score_[:rounds],
        "random_name": np.array(name),
        "random_keys": keys,
        "random_rest": np.array([position, gauss, cached]),
    }
    if learner.get_params()["subsample"] < 1:
        numbers |= {"improvement": learner.oob_improvement_[:rounds], "oob": learner.oob_scores_[:rounds]}
    return numbers


def _restore(learner: GradientBoostingClassifier, columns: Any, target: npt.NDArray[Any], state: Arrays) -> None:
    """Give a learner the trees of a checkpoint, and leave it ready to add the others."""
    rounds = learner.get_params()["n_estimators"]
    # One round sets up whatever the first fit does once; its tree is replaced by the checkpoint's.
    learner.set_params(n_estimators=1, warm_start=True).fit(columns, target)
    pattern, ends = learner.estimators_[0, 0], np.cumsum(state["counts"])
    grown = np.empty((len(ends), 1), dtype=object)
    for number, (end, count, depth) in enumerate(zip(ends, state["counts"], state["depths"], strict=True)):
        part = slice(end - count, end)
        grown[number, 0] = copy.copy(pattern)
        grown[number, 0].tree_ = _tree(pattern.tree_, state["nodes"][part], state["values"][part], int(depth))
    learner.estimators_ = grown
    learner.train_score_ = state["scores"].copy()
    if "oob" in state:
        learner.oob_improvement_, learner.oob_scores_ = state["improvement"].copy(), state["oob"].copy()
    position, gauss, cached = state["random_rest"]
    learner._rng.set_state((str(state["random_name"]), state["random_keys"], int(position), int(gauss), float(cached)))
    learner.set_params(n_estimators=rounds)


def _tree(pattern: Tree, nodes: npt.NDArray[Any], values: npt.NDArray[Any], depth: int) -> Tree:
    tree = Tree(pattern.n_features, np.asarray(pattern.n_classes), pattern.n_outputs)
    tree.__setstate__({"max_depth": depth, "node_count": len(nodes), "nodes": nodes, "values": values})
    return tree
