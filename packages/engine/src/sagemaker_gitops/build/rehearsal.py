"""Train a checkout's model on this machine, as the training container would, and compare two of them."""

import io
import json
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagemaker_gitops.build import artifact, fingerprint
from sagemaker_gitops.build.fingerprint import Fingerprint
from sagemaker_gitops.errors import Annotation, ConfigurationError, TrainingFailed
from sagemaker_gitops.project.archives import extract

_TIMEOUT_SECONDS = 1800


@dataclass(frozen=True, kw_only=True)
class Rehearsed:
    """A model that was trained here: its folder, its metrics, and what determined it."""

    folder: Path
    mark: Fingerprint
    metrics: Mapping[str, Any]
    rows: int


def train(root: Path, scratch: Path) -> Rehearsed:
    """Train the model of the checkout at `root`, with `scratch` in the place of /opt/ml."""
    channel = scratch / "input" / "data" / "training"
    channel.mkdir(parents=True)
    data = fingerprint.data_files(root)
    for path in data:
        shutil.copy2(path, channel)
    (scratch / "input" / "config").mkdir()
    shutil.copy2(root / "model" / "config" / "hyperparameters.json", scratch / "input" / "config")
    _run(root, scratch)
    folder = scratch / "model"
    artifact.verify(folder)
    return Rehearsed(
        folder=folder,
        mark=fingerprint.compute(root),
        metrics=json.loads((folder / "metrics.json").read_text()),
        rows=sum(len(path.read_text(encoding="utf-8").splitlines()) - 1 for path in data),
    )


def checkout(root: Path, commit: str, folder: Path) -> Path:
    """Lay the files of another commit out in `folder`."""
    done = subprocess.run(["git", "archive", commit], cwd=root, capture_output=True, check=False)  # noqa: S607
    if done.returncode != 0:
        raise ConfigurationError(
            f"git cannot give the files of {commit[:12]}: {done.stderr.decode().strip()}",
            where="--base",
            next_step="fetch it with its history: `git fetch --unshallow origin`, in a workflow `fetch-depth: 0`",
        )
    try:
        with tarfile.open(fileobj=io.BytesIO(done.stdout)) as tar:
            extract(tar, folder)
    except tarfile.TarError as err:
        raise ConfigurationError(
            f"the files of {commit[:12]} cannot be laid out: {err}",
            where="--base",
            next_step="keep links that lead elsewhere out of the repository; before Python 3.11.4, every link",
        ) from err
    return folder


def _run(root: Path, scratch: Path) -> None:
    done = subprocess.run(
        [sys.executable, root / "model" / "train" / "train.py", "train"],
        env={"SM_ML_ROOT": str(scratch), "OMP_WAIT_POLICY": "passive"},
        capture_output=True,
        text=True,
        timeout=_TIMEOUT_SECONDS,
        check=False,
    )
    if done.returncode != 0:
        failure = scratch / "output" / "failure"
        error = TrainingFailed(
            f"the training code failed: {failure.read_text() if failure.is_file() else done.stderr[-1000:]}",
            where="model/train/train.py",
            next_step="mend model/train, model/config or the data; `pipeline rehearse` tries again",
        )
        error.annotations = (Annotation(message=error.what, file="model/train/train.py"),)
        raise error
