"""Train a regression in SageMaker's container layout, prove its exported form equal, and write the artefact."""

import hashlib
import json
import os
import sys
from pathlib import Path
from typing import Any

import numpy as np
from learner import FILE, export, fit, predict
from preprocessing import load, split
from reference import constraints, statistics
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

CODE = Path(__file__).parent
# Beyond this, the exported model and scikit-learn's are not one; the target ranges from 25 to 346.
TOLERANCE = 1e-2


def main() -> int:
    """Train; a failure is told in output/failure, as SageMaker shows it."""
    root = Path(os.environ.get("SM_ML_ROOT", "/opt/ml"))
    try:
        train(root)
    except ValueError as error:
        (root / "output").mkdir(parents=True, exist_ok=True)
        (root / "output/failure").write_text(str(error)[:1024], encoding="utf-8")
        sys.stderr.write(f"error: {error}\n")
        return 1
    return 0


def train(root: Path) -> None:
    """Read the channel, fit, export, judge and write."""
    schema = json.loads(schema_path().read_text(encoding="utf-8"))
    values = json.loads((root / "input/config/hyperparameters.json").read_text(encoding="utf-8"))
    training, held_out = split(load(root / "input/data/training", schema), schema)
    pipeline = fit(training, schema, alpha=float(values["alpha"]), degree=int(values["degree"]))
    model = export(pipeline, schema)
    answers = predict(model, held_out, schema)
    apart = float(np.abs(pipeline.predict(held_out) - answers).max())
    if not apart <= TOLERANCE:
        raise ValueError(f"{FILE} and scikit-learn differ by up to {apart:.3g}")
    metrics = judge(held_out[schema["target"]].to_numpy(), answers)
    rows = {"train": len(training), "test": len(held_out)}
    documents = {
        "schema.json": schema,
        "metrics.json": {"rows": rows, "overall": metrics, "bias": {}, "groups": {}},
        "statistics.json": statistics(training, schema),
        "constraints.json": constraints(schema),
    }
    write(root / "model", model, documents)
    for name, value in metrics.items():
        sys.stdout.write(f"test:{name}={value};\n")


def judge(truth: "np.ndarray[Any, Any]", answers: "np.ndarray[Any, Any]") -> dict[str, float]:
    """Measure answers on rows that were held out."""
    measured = {
        "mae": mean_absolute_error(truth, answers),
        "rmse": root_mean_squared_error(truth, answers),
        "r2": r2_score(truth, answers),
    }
    return {name: round(float(value), 6) for name, value in measured.items()}


def write(folder: Path, model: bytes, documents: dict[str, Any]) -> None:
    """Write the artefact and seal it with a manifest."""
    files = {FILE: model} | {
        name: (json.dumps(document, indent=1) + "\n").encode() for name, document in documents.items()
    }
    hashes = {name: hashlib.sha256(content).hexdigest() for name, content in sorted(files.items())}
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in {**files, "manifest.json": json.dumps({"files": hashes}).encode()}.items():
        (folder / name).write_bytes(content)


def schema_path() -> Path:
    """Find the schema: beside the code in the image, in model/config in the repository."""
    beside = CODE / "schema.json"
    return beside if beside.exists() else CODE.parent / "config/schema.json"


if __name__ == "__main__":
    raise SystemExit(main())
