"""train.py keeps SageMaker's contract and makes the same model of the same inputs."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from sagemaker_gitops_modelkit.gates import training
from sagemaker_gitops_modelkit.training import job as train
from train import LEARNER


@pytest.fixture
def job(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return the root of a job that this process may run."""
    root = training.prepare(tmp_path / "ml")
    monkeypatch.setenv("SM_ML_ROOT", str(root))
    terminate = signal.getsignal(signal.SIGTERM)
    yield root
    signal.signal(signal.SIGTERM, terminate)


def test_job_leaves_a_whole_model(model_dir: Path) -> None:
    """A finished job has written every file of the model, and curves for plots beside it."""
    written = {path.name for path in model_dir.iterdir()}
    evaluation = json.loads((model_dir.parent / "output/data/evaluation.json").read_text())

    assert written == {
        "constraints.json",
        "manifest.json",
        "metrics.json",
        "model.onnx",
        "schema.json",
        "statistics.json",
    }
    assert {"roc", "precision_recall", "calibration", "scores", "groups"} <= set(evaluation)


@pytest.mark.parametrize(("hash_seed", "threads"), [("0", "1"), ("4", "2")])
def test_same_inputs_make_the_same_bytes(hash_seed: str, threads: str, model_dir: Path, tmp_path: Path) -> None:
    """Another process, flat as in the image, with its own hash seed and thread count, writes equal files."""
    code = tmp_path / "code"
    shutil.copytree(training.MODEL / "train", code, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(training.MODEL / "config" / "schema.json", code)
    root = training.prepare(tmp_path / "ml")
    environment = {"PYTHONHASHSEED": hash_seed, "OMP_NUM_THREADS": threads, "SM_ML_ROOT": str(root)}

    subprocess.run(
        [sys.executable, str(code / "train.py"), "train"],
        env={**os.environ, **environment},
        check=True,
        capture_output=True,
        timeout=120,
    )

    for path in model_dir.iterdir():
        assert (root / "model" / path.name).read_bytes() == path.read_bytes(), path.name


def test_parity_is_reported_and_exact(model_dir: Path) -> None:
    """metrics.json says how far the graph is from scikit-learn: no flip, and less than the tolerance."""
    parity = json.loads((model_dir / "metrics.json").read_text())["parity"]

    assert parity["label_flips"] == 0
    assert parity["max_abs_difference"] <= parity["tolerance"] == 1e-5
    assert parity["edge_rows"] > 1000
    assert parity["edges"] > 50


def test_threshold_is_part_of_the_artefact(model_dir: Path) -> None:
    """The model's schema.json is the repository's with the decision threshold added."""
    source = json.loads((training.MODEL / "config" / "schema.json").read_text())

    written = json.loads((model_dir / "schema.json").read_text())

    assert written == source | {"threshold": 0.3}


def test_metrics_are_printed_for_metric_definitions(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each metric stands on a line of its own, as `test:name=value;`."""
    exit_code = train.main(["train"], LEARNER)

    overall = json.loads((job / "model/metrics.json").read_text())["overall"]
    lines = capsys.readouterr().out.splitlines()
    assert exit_code == 0
    assert {f"test:{name}={value};" for name, value in overall.items()} <= set(lines)


def test_second_machine_leaves_the_work_to_the_first(job: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """It ends well, says so, and writes no model that could stand in the way of the first one's."""
    hosts = {"current_host": "algo-2", "hosts": ["algo-1", "algo-2"]}
    (job / "input/config/resourceconfig.json").write_text(json.dumps(hosts))

    exit_code = train.main(["train"], LEARNER)

    assert exit_code == 0
    assert "algo-2 has nothing to do" in capsys.readouterr().out
    assert not (job / "model").exists()


def test_tuner_gets_a_figure_of_the_training_rows(tmp_path: Path) -> None:
    """Cross-validated, and only then; the held-out rows are scored as ever."""
    changes = {"n_estimators": "3", "_tuning_objective_metric": "validation:roc_auc"}
    tuned = training.run(training.prepare(tmp_path / "tuned", changes)).stdout
    plain = training.run(training.prepare(tmp_path / "plain", {"n_estimators": "3"})).stdout

    printed = dict(line.rstrip(";").split("=") for line in tuned.splitlines() if line.endswith(";"))

    assert 0.5 < float(printed["validation:roc_auc"]) < 1
    assert printed["validation:roc_auc"] != printed["test:roc_auc"]
    assert "validation:" not in plain
    assert f"test:roc_auc={printed['test:roc_auc']};" in plain


def test_refused_input_ends_the_job_with_its_message(job: Path) -> None:
    """A user's error is the content of output/failure, without a traceback; no model is left."""
    (job / "input/config/hyperparameters.json").write_text('{"n_estimators": "many"}')

    exit_code = train.main(["train"], LEARNER)

    failure = (job / "output/failure").read_text()
    assert exit_code == 1
    assert failure.startswith("missing hyperparameter: threshold, seed, additional_rounds, learning_rate")
    assert "where:" in failure
    assert "next:" in failure
    assert "Traceback" not in failure
    assert not (job / "model").exists()


def test_unexpected_error_ends_the_job_with_the_end_of_its_traceback(
    job: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An error that nobody foresaw reaches the FailureReason too, within its 1024 characters."""

    def explode(*_: object) -> None:
        raise RuntimeError("x" * 2000 + "the last words")

    monkeypatch.setattr(train, "statistics", explode)

    exit_code = train.main(["train"], LEARNER)

    failure = (job / "output/failure").read_text()
    assert exit_code == 1
    assert len(failure) == 1024
    assert failure.rstrip().endswith("the last words")


def test_another_argument_than_train_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """The container has one verb."""
    exit_code = train.main(["serve"], LEARNER)

    assert exit_code == 2
    assert "usage: train.py train" in capsys.readouterr().err


def test_stopped_job_ends_at_once(tmp_path: Path) -> None:
    """SIGTERM, which StopTrainingJob sends, ends a long job with the signal's exit code and no model."""
    root = training.prepare(tmp_path / "ml", {"n_estimators": "5000", "max_depth": "8"})
    command = [sys.executable, str(training.MODEL / "train" / "train.py"), "train"]

    with subprocess.Popen(
        command, env={**os.environ, "SM_ML_ROOT": str(root)}, stdout=subprocess.PIPE, text=True
    ) as job:
        assert job.stdout is not None
        assert job.stdout.readline().startswith("training on 1630 rows")
        job.send_signal(signal.SIGTERM)
        exit_code = job.wait(timeout=30)

    assert exit_code == 128 + signal.SIGTERM
    assert not (root / "model").exists()
