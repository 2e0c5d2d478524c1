"""Proof that the exported graph answers as scikit-learn does, on real rows and on the trees' edges."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
from sklearn.pipeline import Pipeline

from sagemaker_gitops_modelkit.training.failures import ExportDiffers
from sagemaker_gitops_modelkit.training.feature_schema import Schema
from sagemaker_gitops_modelkit.training.scoring import open_session, positive, score

TOLERANCE = 1e-5
UNSEEN = "\N{REPLACEMENT CHARACTER}"

Edge = tuple[str, float | str]


@dataclass(frozen=True, kw_only=True)
class Parity:
    """How far the two forms of one model are apart."""

    rows: int
    edge_rows: int
    max_abs_difference: float
    label_flips: int
    tolerance: float = TOLERANCE


def prove_equal(pipeline: Pipeline, model: bytes, table: pd.DataFrame, schema: Schema, *, threshold: float) -> Parity:
    """Compare both forms on a table's rows and on edge rows made from them; raise if they differ."""
    edges = edge_rows(pipeline, table, schema)
    rows = pd.concat([table, edges], ignore_index=True)
    expected = pipeline.predict_proba(rows)[:, 1]
    actual = score(open_session(model), rows, schema)
    parity = Parity(
        rows=len(table),
        edge_rows=len(edges),
        max_abs_difference=float(np.abs(expected - actual).max()),
        label_flips=int((positive(expected, threshold) != positive(actual, threshold)).sum()),
    )
    if not parity.max_abs_difference <= TOLERANCE or parity.label_flips:
        raise ExportDiffers(
            f"ONNX and scikit-learn differ by up to {parity.max_abs_difference:.2g} (allowed {TOLERANCE:g}) "
            f"and give {parity.label_flips} of {len(rows)} rows another label",
            where="model.onnx",
            next_step="find the step of train.py whose export is not exact; a scaler before trees is not",
        )
    return parity


def edge_rows(pipeline: Pipeline, table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return rows of the table, each with one value moved to where a wrong export would show.

    Those are every split value of the trees and its float neighbours, the missing number, and the
    category that training never saw.
    """
    edges: list[Edge] = [*_at_splits(pipeline, schema)]
    edges += [(f.name, np.nan) for f in schema.numbers if f.missing == "impute"]
    edges += [(f.name, value) for f in schema.categories for value in ("", UNSEEN)]
    rows = table.iloc[np.arange(len(edges)) % len(table)].reset_index(drop=True)
    for name in schema.feature_names:
        at = [index for index, (column, _) in enumerate(edges) if column == name]
        rows.loc[at, name] = [edges[index][1] for index in at]
    return rows


def _at_splits(pipeline: Pipeline, schema: Schema) -> Iterator[Edge]:
    names = [number.name for number in schema.numbers]
    for column, split in sorted(set(_splits(pipeline))):
        if column < len(names):  # the encoder's columns, which are only ever 0 or 1, come after the numbers
            yield from ((names[column], value) for value in _around(split))


def _splits(pipeline: Pipeline) -> Iterator[tuple[int, float]]:
    for tree in (estimator.tree_ for estimator in pipeline.named_steps["trees"].estimators_.ravel()):
        inner = tree.feature >= 0
        yield from zip(tree.feature[inner].tolist(), tree.threshold[inner].tolist(), strict=True)


def _around(split: float) -> tuple[float, ...]:
    """Return the split value and its neighbours in both precisions: float64 is rounded on its way in."""
    single = np.float32(split)
    below, above = np.nextafter(single, np.float32(-np.inf)), np.nextafter(single, np.float32(np.inf))
    return (split, float(np.nextafter(split, np.inf)), float(below), float(single), float(above))
