"""The two models of the benchmark, each as scikit-learn's pipeline and as the folder that our server loads."""

import csv
import hashlib
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import joblib
from sagemaker_gitops_modelkit.training.data import features, load_split, target
from sagemaker_gitops_modelkit.training.export import export
from sagemaker_gitops_modelkit.training.feature_schema import Schema, load_schema
from sagemaker_gitops_modelkit.training.hyperparameters import load_hyperparameters
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import StandardScaler

PROJECT = Path(__file__).parents[2] / "<<cookiecutter.project>>"
sys.path.insert(0, str(PROJECT / "model" / "train"))

from train import Hyperparameters, build_pipeline  # noqa: E402 - the project's own, found on the path above

BATCHES = (1, 100, 10_000)
CONFIG = PROJECT / "model" / "config"


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Where models and request bodies lie."""

    scratch: Path

    def root(self, kind: str) -> Path:
        """Return the folder that stands for /opt/ml."""
        return self.scratch / kind

    def pipeline(self, kind: str) -> Path:
        """Return scikit-learn's form of the model."""
        return self.scratch / kind / "pipeline.joblib"

    def body(self, rows: int) -> Path:
        """Return a request of so many rows."""
        return self.scratch / f"{rows}.json"


def prepare(scratch: Path) -> Workload:
    """Fit both models and write the requests."""
    workload = Workload(scratch=scratch)
    schema = load_schema(CONFIG / "schema.json")
    parameters = load_hyperparameters(CONFIG / "hyperparameters.json", Hyperparameters)
    split = load_split(PROJECT / "data", schema)
    trees = build_pipeline(schema, parameters)
    # A linear model wants one scale; in the graph it may follow the same columns.
    linear = Pipeline([trees.steps[0], ("scale", StandardScaler()), ("line", LogisticRegression(max_iter=1000))])
    for kind, pipeline in (("trees", trees), ("logistic", linear)):
        fitted = pipeline.fit(features(split.train, schema), target(split.train, schema))
        _write(workload, kind, fitted, schema, threshold=parameters.threshold)
    for rows in BATCHES:
        workload.body(rows).write_text(_request(schema, rows))
    return workload


def _write(workload: Workload, kind: str, pipeline: Pipeline, schema: Schema, *, threshold: float) -> None:
    folder = workload.root(kind) / "model"
    folder.mkdir(parents=True)
    joblib.dump(pipeline, workload.pipeline(kind))
    document = json.loads((CONFIG / "schema.json").read_text()) | {"threshold": threshold}
    (folder / "schema.json").write_text(json.dumps(document))
    (folder / "model.onnx").write_bytes(export(pipeline, schema, threshold=threshold))
    files = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    (folder / "manifest.json").write_text(json.dumps({"files": files}))


def _request(schema: Schema, count: int) -> str:
    with (PROJECT / "data" / "hmda.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    numbers = {feature.name for feature in schema.numbers}
    cells = [{n: float(row[n]) if n in numbers else row[n] for n in schema.feature_names} for row in rows]
    return json.dumps({"instances": [cells[place % len(cells)] for place in range(count)]})
