import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pandas as pd
import pytest
from sagemaker_gitops.monitor.baseline import FILES, read_baseline
from tests.engine.drift.worlds import World
from tests.sample import ROOT


@pytest.fixture(scope="session")
def model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Train the project's model for the occasion, as a training job would."""
    root = tmp_path_factory.mktemp("training")
    for source, folder in (("data/hmda.csv", "data/training"), ("model/config/hyperparameters.json", "config")):
        (root / "input" / folder).mkdir(parents=True)
        shutil.copy(ROOT / source, root / "input" / folder)
    environment = {**os.environ, "SM_ML_ROOT": str(root), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, str(ROOT / "model/train/train.py"), "train"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stderr
    return root / "model"


@pytest.fixture(scope="session")
def world(model_dir: Path) -> World:
    """Return all real rows, what the model answers to each, and the model's baseline."""
    files = {name: (model_dir / name).read_bytes() for name in FILES}
    schema = json.loads(files["schema.json"])
    texts = {feature["name"]: str for feature in schema["features"] if feature["type"] == "category"}
    places = {
        feature["name"]: {text: place for place, text in enumerate(feature["categories"])}
        for feature in schema["features"]
        if feature["name"] in texts
    }
    rows = pd.read_csv(ROOT / "data/hmda.csv", dtype=texts)
    session = onnxruntime.InferenceSession(model_dir / "model.onnx", providers=["CPUExecutionProvider"])
    columns = {feature["name"]: rows[feature["name"]] for feature in schema["features"]}
    for name in texts:
        columns[name] = columns[name].map(places[name]).fillna(-1)
    feeds = {session.get_inputs()[0].name: pd.DataFrame(columns).to_numpy(np.float32)}
    probability = session.run(["probabilities"], feeds)[0][:, 1].astype(np.float64)
    return World(rows=rows, probability=probability, baseline=read_baseline(files, where=str(model_dir)), files=files)
