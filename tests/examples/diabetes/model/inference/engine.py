"""ONNX Runtime, fed with columns."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime


class Engine:
    """Computes predictions from checked columns."""

    def __init__(self, folder: Path) -> None:
        self._session = onnxruntime.InferenceSession(folder / "model.onnx", providers=["CPUExecutionProvider"])

    def predict(self, columns: Mapping[str, Sequence[object]]) -> list[float]:
        """Answer one number a row."""
        feeds = {name: _column(values) for name, values in columns.items()}
        answers: list[float] = np.asarray(self._session.run(None, feeds)[0]).reshape(-1).tolist()
        return answers


def _column(values: Sequence[object]) -> "np.ndarray[Any, Any]":
    kind = object if any(isinstance(value, str) for value in values) else np.float32
    return np.array(values, dtype=kind).reshape(-1, 1)
