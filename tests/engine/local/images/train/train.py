"""A training container of the least kind: reads its inputs, prints a metric, writes a model."""

import json
import os
import sys
import time
from pathlib import Path

ROOT = Path(os.environ["SM_ML_ROOT"])


def main() -> int:
    """Train by the hyperparameters; `fail`, `sleep` and `steps` do what they say."""
    hyperparameters = json.loads((ROOT / "input/config/hyperparameters.json").read_text())
    rows = sum(len(f.read_text().splitlines()) for f in (ROOT / "input/data/training").rglob("*.csv"))
    print(f"train:rows={rows};", flush=True)  # noqa: T201 - what a container logs
    time.sleep(float(hyperparameters.get("sleep", "0")))
    host = json.loads((ROOT / "input/config/resourceconfig.json").read_text())["current_host"]
    if host == hyperparameters.get("fail_on"):
        return 1
    if host != "algo-1":
        time.sleep(float(hyperparameters.get("peers_sleep", "0")))
        (ROOT / f"model/{host}.json").write_text(json.dumps({"rows": rows}))
        return 0
    steps = count(int(hyperparameters.get("steps", "0")))
    if "fail" in hyperparameters:
        (ROOT / "output/failure").write_text(hyperparameters["fail"])
        return 1
    (ROOT / "model/model.json").write_text(json.dumps({"hyperparameters": hyperparameters, "rows": rows, **steps}))
    (ROOT / "output/data/evaluation.json").write_text("{}")
    environment = {"environment": sorted(os.environ), "job": os.environ["TRAINING_JOB_NAME"]}
    (ROOT / "model/environment.json").write_text(json.dumps(environment))
    score = hyperparameters.get("score", "0.75")
    print(f"test:score={score};", flush=True)  # noqa: T201 - what a container logs
    return 0


def count(steps: int) -> dict[str, int]:
    """Count slowly, from the checkpoint on; return where this container began and ended."""
    path = ROOT / "checkpoints/step"
    first = int(path.read_text()) if path.is_file() else 0
    for step in range(first + 1, steps + 1):
        time.sleep(0.2)
        path.write_text(str(step))
    return {"first": first, "last": steps} if steps else {}


if __name__ == "__main__":
    assert sys.argv[1:] == ["train"]
    sys.exit(main())
