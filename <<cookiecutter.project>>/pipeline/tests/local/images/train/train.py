"""A training container of the least kind: reads its inputs, prints a metric, writes a model."""

import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(os.environ["SM_ML_ROOT"])


def main() -> int:
    """Train by the hyperparameters; `fail` and `sleep` do what they say."""
    hyperparameters = json.loads((ROOT / "input/config/hyperparameters.json").read_text())
    rows = sum(len(f.read_text().splitlines()) for f in (ROOT / "input/data/training").rglob("*.csv"))
    print(f"train:rows={rows};", flush=True)  # noqa: T201 - what a container logs
    time.sleep(float(hyperparameters.get("sleep", "0")))
    if "fail" in hyperparameters:
        (ROOT / "output/failure").write_text(hyperparameters["fail"])
        return 1
    (ROOT / "model/model.json").write_text(json.dumps({"hyperparameters": hyperparameters, "rows": rows}))
    (ROOT / "output/data/evaluation.json").write_text("{}")
    environment = {"environment": sorted(os.environ), "job": os.environ["TRAINING_JOB_NAME"]}
    (ROOT / "model/environment.json").write_text(json.dumps(environment))
    print("test:score=0.75;", flush=True)  # noqa: T201 - what a container logs
    return 0


if __name__ == "__main__":
    assert sys.argv[1:] == ["train"]
    sys.exit(main())
