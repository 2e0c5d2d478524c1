"""What the gates measure on a first model, each figure with its standard error, to set the first thresholds by.

`python -m sagemaker_gitops_modelkit.gates.first_figures FILE` writes it as JSON: the gates, their figures, and
`value` and `standard_error` of each. MODEL_DIR and DATA_DIR name the model and its data as they do for the gates.
"""

import dataclasses
import json
import math
import os
import sys
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from sagemaker_gitops_modelkit.gates import data_quality, fairness, robustness
from sagemaker_gitops_modelkit.gates.candidate import Candidate
from sagemaker_gitops_modelkit.training.data import features, load_split, read_text
from sagemaker_gitops_modelkit.training.failures import TrainingFailure
from sagemaker_gitops_modelkit.training.scored import Scored

RESAMPLES = 200
Figures = Mapping[str, float | None]


def measure(candidate: Candidate, data: Path) -> dict[str, Any]:
    """Measure each gate's figures on the held-out rows, or on the whole data set where the gate does."""
    text, schema = read_text(data), candidate.schema
    test = load_split(data, schema).test
    scored = candidate.scored(test)
    whole = {
        **data_quality.completeness(text, schema),
        **data_quality.duplicates(text, schema),
        **data_quality.leakage(text, schema, inputs=candidate.inputs),
    }
    return {
        "rows": {"held_out": {"value": len(test), "standard_error": 0.0}},
        "quality": _resampled(scored, lambda part: part.quality()),
        "bias": {} if scored.group is None else _resampled(scored, fairness.gaps),
        "data_quality": {name: {"value": value, "standard_error": 0.0} for name, value in whole.items()},
        "robustness": {
            name: {"value": value, "standard_error": math.sqrt(value * (1 - value) / len(test))}
            for name, value in robustness.answers(candidate, features(test, schema)).items()
            if 0 <= value <= 1
        },
    }


def _resampled(scored: Scored, figures: Callable[[Scored], Figures]) -> dict[str, dict[str, float]]:
    """Return figures, and how much each varies over samples of the same rows, drawn with replacement."""
    generator = np.random.default_rng(0)
    measured = {name: value for name, value in figures(scored).items() if value is not None}
    drawn: dict[str, list[float]] = {name: [] for name in measured}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a sample without one of the classes leaves figures undefined
        for _ in range(RESAMPLES):
            part = _rows(scored, generator.integers(0, len(scored.truth), len(scored.truth)))
            for name, value in _or_nothing(figures, part).items():
                if name in drawn and value is not None and math.isfinite(value):
                    drawn[name].append(value)
    return {
        name: {"value": value, "standard_error": float(np.std(drawn[name])) or _of_all_right(scored)}
        for name, value in measured.items()
    }


def _of_all_right(scored: Scored) -> float:
    """Return the standard error of a rate that every row agrees on, after Agresti and Coull: four rows more, two wrong.

    Samples of such rows do not vary, which does not make the rate certain. The rarest class has the fewest rows.
    """
    counts = np.unique(scored.truth, return_counts=True)[1]
    rows = int(counts.min()) + 4
    return math.sqrt(2 / rows * (1 - 2 / rows) / rows)


def _or_nothing(figures: Callable[[Scored], Figures], part: Scored) -> Figures:
    try:
        return figures(part)
    except ValueError:
        return {}


def _rows(scored: Scored, places: "np.ndarray[Any, np.dtype[np.int64]]") -> Scored:
    group = None if scored.group is None else scored.group[places]
    changed: Any = dataclasses.replace(
        scored,  # type: ignore[type-var]
        truth=scored.truth[places],
        answers=scored.answers[places],
        group=group,
    )
    part: Scored = changed
    return part


def main(target: Path) -> None:
    """Write the figures; end with one line that says why not."""
    try:
        figures = measure(Candidate(Path(os.environ["MODEL_DIR"])), Path(os.environ["DATA_DIR"]))
    except (TrainingFailure, ValueError) as error:
        sys.exit(" ".join(str(error).split()))
    target.write_text(json.dumps(figures), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
