"""scikit-learn, loaded by skops: only types on the list are ever built, and no code of the file's is run."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import pandas as pd
import skops.io

# model/train/learner.py has the same list.
TRUSTED = ("scipy._lib.array_api_compat.numpy._aliases.asarray", "scipy.interpolate._bsplines.BSpline")


class Engine:
    """Computes predictions from checked columns."""

    def __init__(self, folder: Path) -> None:
        self._pipeline = skops.io.load(folder / "model.skops", trusted=list(TRUSTED))

    def predict(self, columns: Mapping[str, Sequence[object]]) -> list[float]:
        """Answer one number a row."""
        answers: list[float] = self._pipeline.predict(pd.DataFrame(dict(columns))).tolist()
        return answers
