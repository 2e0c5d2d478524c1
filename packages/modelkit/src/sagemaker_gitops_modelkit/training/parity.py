"""Proof that the exported graph answers as scikit-learn does: on real rows, at every jump, and beside real values."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder
from threadpoolctl import threadpool_limits

from sagemaker_gitops_modelkit.training.data import as_served
from sagemaker_gitops_modelkit.training.failures import ExportDiffers
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.learner import steps_within
from sagemaker_gitops_modelkit.training.probes import probes
from sagemaker_gitops_modelkit.training.scoring import open_session, positive, score

TOLERANCE = 1e-5
# A jump this small cannot carry two answers further apart than allowed.
_LEAST_JUMP = TOLERANCE / 10
# They pass on float32 values as they are, or say which one of a list it is.
_EXACT = (FunctionTransformer, OneHotEncoder, OrdinalEncoder, SimpleImputer)

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far the two forms of one model are apart; a tie at the threshold, closer than the tolerance, is no flip."""

    rows: int
    edge_rows: int
    edges: int
    max_abs_difference: float
    label_flips: int
    tolerance: float


def prove_equal(pipeline: Pipeline, model: bytes, table: pd.DataFrame, schema: Schema, *, threshold: float) -> Parity:
    """Compare both forms on a table's rows and on probes made from them; raise if they differ."""
    model_answers = open_session(model)
    allowed = TOLERANCE * _spread(_expected(pipeline, table, schema), schema)

    def answers(rows: pd.DataFrame) -> Floats:
        return _expected(pipeline, rows, schema) / allowed * TOLERANCE

    with threadpool_limits(1):  # many small questions: learners' own threads would wait for each other
        made = probes(answers, table, schema, least=_LEAST_JUMP)
        rows = pd.concat([table, made.rows], ignore_index=True)
        expected = _expected(pipeline, rows, schema)
    actual = score(model_answers, rows, schema).reshape(expected.shape)
    apart = np.abs(expected - actual).max(axis=1)
    flipped = (_label(expected, threshold) != _label(actual, threshold)) & ~(apart <= allowed)
    parity = Parity(
        rows=len(table),
        edge_rows=len(made.rows),
        edges=made.edges,
        max_abs_difference=float(apart.max()),
        label_flips=int(flipped.sum()) if schema.classes else 0,
        tolerance=allowed,
    )
    if not parity.max_abs_difference <= allowed:
        real = not apart[: len(table)].max() <= allowed
        raise _differs(parity, pipeline, rows.iloc[int(apart.argmax())], on_real_rows=real)
    return parity


def _expected(pipeline: Pipeline, rows: pd.DataFrame, schema: Schema) -> Floats:
    """Return what scikit-learn answers, a line a row: the positive class's probability, those of all, or a number."""
    served = as_served(rows, schema)
    if not schema.classes:
        return np.asarray(pipeline.predict(served), dtype=np.float64).reshape(len(rows), 1)
    probabilities = np.asarray(pipeline.predict_proba(served), dtype=np.float64)
    return probabilities[:, 1:] if schema.task == "binary" else probabilities


def _spread(expected: Floats, schema: Schema) -> float:
    """Return the unit in which answers differ: probabilities as they are, numbers by their standard deviation."""
    return 1.0 if schema.classes else float(expected.std()) or 1.0


def _label(answers: Floats, threshold: float) -> npt.NDArray[np.int64]:
    return positive(answers[:, 0], threshold) if answers.shape[1] == 1 else answers.argmax(axis=1)


def _differs(parity: Parity, pipeline: Pipeline, row: "pd.Series[Any]", *, on_real_rows: bool) -> ExportDiffers:
    learner = type(pipeline[-1]).__name__
    what = (
        f"ONNX and scikit-learn differ by up to {parity.max_abs_difference:.2g} (allowed {parity.tolerance:.2g}) "
        f"and give {parity.label_flips} of {parity.rows + parity.edge_rows} rows another label; "
        f"{parity.edges} edges were probed"
    )
    steps = [type(step).__name__ for step in steps_within(pipeline[:-1]) if _computes(step)]
    # Rounding by a step moves a real row across an edge too; a model without edges differs there by its converter.
    if steps and (parity.edges or not on_real_rows):
        what += f"; {', '.join(dict.fromkeys(steps))} before {learner} computes in float32 there"
        what += ", and on held-out rows already" if on_real_rows else ""
        way = "a tree needs no scaler: leave it out, or write the column into the data set as it should be"
    elif on_real_rows:
        what += f"; the held-out rows differ already, so the converter of {learner} or of a step before it is wrong"
        way = "use another step in its place"
    else:
        what += f"; {learner} is not exact in float32 within the declared ranges"
        way = "narrow the ranges in schema.json to what is plausible, or use another learner"
    shown = ", ".join(f"{name}={value}" for name, value in row.items())
    return ExportDiffers(
        what,
        where=f"model.onnx, most at {shown}"[:300],
        next_step=f"{way}; or serve it by skops: docs/howto/own-model.md, 'A model that ONNX cannot express'",
    )


def _computes(step: object) -> bool:
    return isinstance(step, BaseEstimator) and not isinstance(step, _EXACT)
