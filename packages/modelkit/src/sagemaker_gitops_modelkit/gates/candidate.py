"""A trained model as its folder holds it, judged by what its graph answers."""

import hashlib
import json
import math
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import pandas as pd

from sagemaker_gitops_modelkit.training.columns import DESCRIPTION, take_columns, takes_columns
from sagemaker_gitops_modelkit.training.data import features
from sagemaker_gitops_modelkit.training.evaluation import judge
from sagemaker_gitops_modelkit.training.export import as_bytes
from sagemaker_gitops_modelkit.training.feature_schema import Schema, load_schema
from sagemaker_gitops_modelkit.training.scored import Scored
from sagemaker_gitops_modelkit.training.scoring import open_session, positive, score


@dataclass(frozen=True)
class Candidate:
    """The unpacked content of a model.tar.gz."""

    folder: Path

    @cached_property
    def schema(self) -> Schema:
        """The schema the model was trained with."""
        return load_schema(self.folder / "schema.json")

    @cached_property
    def threshold(self) -> float:
        """The probability from which the server gives the positive label; not a number where the task has none."""
        return float(self.read("schema.json").get("threshold", math.nan))

    @cached_property
    def session(self) -> onnxruntime.InferenceSession:
        """The graph, loaded; an older champion's takes texts."""
        graph = onnx.load(self.folder / "model.onnx")
        take_columns(graph, self.schema)
        return open_session(as_bytes(graph))

    @cached_property
    def inputs(self) -> list[str]:
        """The features that the graph says it takes, in order."""
        graph = onnx.load(self.folder / "model.onnx")
        described = {item.key: item.value for item in graph.metadata_props}.get(DESCRIPTION, "[]")
        return [column["name"] for column in json.loads(described)] if takes_columns(graph) else []

    def read(self, name: str) -> dict[str, Any]:
        """Return the content of one of the folder's JSON files."""
        content: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return content

    def sha256(self, name: str) -> str:
        """Return the hash of one of the folder's files."""
        return hashlib.sha256((self.folder / name).read_bytes()).hexdigest()

    def answers(self, table: pd.DataFrame) -> npt.NDArray[np.float64]:
        """Return the graph's answer to each row of features: a probability, a line of them, or a number."""
        return score(self.session, table, self.schema)

    def label(self, table: pd.DataFrame) -> npt.NDArray[np.int64]:
        """Return each row's class by its place in the schema; a regression gives none."""
        answers = self.answers(table)
        if self.schema.task == "binary":
            return positive(answers, self.threshold)
        return np.asarray(answers.astype(np.float32).argmax(axis=1), dtype=np.int64)

    def scored(self, test: pd.DataFrame) -> Scored:
        """Score the held-out rows."""
        return judge(self.answers(features(test, self.schema)), test, self.schema, threshold=self.threshold)
