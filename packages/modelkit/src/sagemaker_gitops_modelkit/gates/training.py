"""Run train.py as SageMaker does: a process, a root folder, hyperparameters as strings."""

import hashlib
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from pathlib import Path

from sagemaker_gitops_modelkit.gates.project import ROOT

MODEL = ROOT / "model"
DATA = ROOT / "data"


def prepare(root: Path, changes: Mapping[str, str] | None = None, *, data: Path = DATA) -> Path:
    """Lay out a training job's inputs below root: the repository's, with some hyperparameters changed."""
    channel = root / "input" / "data" / "training"
    channel.mkdir(parents=True)
    for path in data.glob("*.csv"):
        shutil.copy(path, channel)
    values = json.loads((MODEL / "config" / "hyperparameters.json").read_text(encoding="utf-8"))
    config = root / "input" / "config"
    config.mkdir()
    (config / "hyperparameters.json").write_text(json.dumps(values | dict(changes or {})), encoding="utf-8")
    return root


def give_parent(root: Path, model: Path) -> dict[str, str]:
    """Put a trained model into the job's `model` channel; return the variables that name its content."""
    channel = root / "input" / "data" / "model"
    channel.mkdir(parents=True)
    archive = channel / "model.tar.gz"
    with tarfile.open(archive, "w:gz") as tar:
        for path in sorted(model.iterdir()):
            tar.add(path, arcname=path.name)
    return {"PARENT_SHA256": sha256(archive)}


def sha256(path: Path) -> str:
    """Hash a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run(root: Path, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
    """Train in a process of its own."""
    return subprocess.run(
        [sys.executable, str(MODEL / "train" / "train.py"), "train"],
        env={**os.environ, "SM_ML_ROOT": str(root), **(environment or {})},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
