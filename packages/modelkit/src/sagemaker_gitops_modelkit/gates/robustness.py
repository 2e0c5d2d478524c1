"""How a model answers rows that production sends and a clean test split does not hold."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.training.data import onnx_inputs
from sagemaker_gitops_modelkit.training.scoring import run

UNSEEN = "never-seen-before"
FLOAT32_MAX = float(np.finfo(np.float32).max)
BATCH_SIZES = (1, 7, 64)


def answers(candidate: Candidate, table: pd.DataFrame) -> dict[str, float]:
    """Return every figure of the robustness gate for a table of features."""
    return {
        "invalid_answers": invalid_answers(candidate, table),
        "missing_value_flip_share": missing_value_flip_share(candidate, table),
        "unseen_category_flip_share": unseen_category_flip_share(candidate, table),
        "row_order_max_difference": row_order_max_difference(candidate, table),
        "batch_size_max_difference": batch_size_max_difference(candidate, table),
    }


def invalid_answers(candidate: Candidate, table: pd.DataFrame) -> float:
    """Count answers that are no probability, or no finite number, when a value is missing, unseen or extreme."""
    changed = [*_extremes(candidate, table), *_without_numbers(candidate, table), *_unseen(candidate, table)]
    found = np.concatenate([candidate.answers(rows) for rows in (table, *changed)])
    valid = (found >= 0) & (found <= 1) if candidate.schema.classes else np.isfinite(found)
    return float((~valid.reshape(len(found), -1).all(axis=1)).sum())


def missing_value_flip_share(candidate: Candidate, table: pd.DataFrame) -> float:
    """Return the share of rows whose answer flips when the worst imputable number is missing."""
    return _worst_flip_share(candidate, table, _without_numbers(candidate, table))


def unseen_category_flip_share(candidate: Candidate, table: pd.DataFrame) -> float:
    """Return the share of rows whose answer flips when the worst open category is a new one."""
    return _worst_flip_share(candidate, table, _unseen(candidate, table))


def row_order_max_difference(candidate: Candidate, table: pd.DataFrame) -> float:
    """Return how far a row's answer moves when the batch is reversed."""
    backwards = candidate.answers(table.iloc[::-1])[::-1]
    return _difference(candidate.answers(table), backwards)


def batch_size_max_difference(candidate: Candidate, table: pd.DataFrame) -> float:
    """Return how far a row's answer moves when it comes in a smaller batch."""
    whole = candidate.answers(table)
    return max(_difference(whole, _in_batches(candidate, table, size)) for size in BATCH_SIZES)


def _extremes(candidate: Candidate, table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    # A probability must stand whatever comes; a linear regression rightly has no answer to the largest float.
    beyond = (-FLOAT32_MAX, FLOAT32_MAX) if candidate.schema.classes else ()
    for number in candidate.schema.numbers:
        for value in (number.minimum, number.maximum, *beyond):
            yield table.assign(**{number.name: value})


def _without_numbers(candidate: Candidate, table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for number in candidate.schema.numbers:
        if number.missing == "impute":
            yield table.assign(**{number.name: np.nan})


def _unseen(candidate: Candidate, table: pd.DataFrame) -> Iterator[pd.DataFrame]:
    for category in candidate.schema.categories:
        if category.unknown == "ignore":
            yield table.assign(**{category.name: UNSEEN})


def _worst_flip_share(candidate: Candidate, table: pd.DataFrame, changed: Iterator[pd.DataFrame]) -> float:
    return max((_flip_share(candidate, table, rows) for rows in changed), default=0.0)


def _flip_share(candidate: Candidate, table: pd.DataFrame, changed: pd.DataFrame) -> float:
    """Compare labels; a regression flips where it moves by more than its answers' standard deviation."""
    if candidate.schema.classes:
        return float((candidate.label(changed) != candidate.label(table)).mean())
    before, after = candidate.answers(table), candidate.answers(changed)
    return float((np.abs(after - before) > before.std()).mean())


def _in_batches(candidate: Candidate, table: pd.DataFrame, size: int) -> np.ndarray:
    whole = onnx_inputs(table, candidate.schema)
    parts = (
        {name: values[start : start + size] for name, values in whole.items()} for start in range(0, len(table), size)
    )
    return np.concatenate([run(candidate.session, part) for part in parts])


def _difference(one: np.ndarray, other: np.ndarray) -> float:
    return float(np.abs(one - other).max())
