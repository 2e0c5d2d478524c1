"""The training container: `train.py train`, after SageMaker's contract for /opt/ml."""

import dataclasses
import hashlib
import inspect
import json
import os
import signal
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sagemaker_gitops_modelkit.training import checkpoint
from sagemaker_gitops_modelkit.training.continuation import additional_rounds, continue_from
from sagemaker_gitops_modelkit.training.data import Split, as_served, features, load_split, target
from sagemaker_gitops_modelkit.training.evaluation import judge
from sagemaker_gitops_modelkit.training.export import export
from sagemaker_gitops_modelkit.training.failures import TrainingFailure
from sagemaker_gitops_modelkit.training.feature_schema import Schema, load_schema
from sagemaker_gitops_modelkit.training.hosts import load_hosts
from sagemaker_gitops_modelkit.training.hyperparameters import Hyperparameters, is_tuning, load_hyperparameters
from sagemaker_gitops_modelkit.training.learner import AnyLearner, unfitted
from sagemaker_gitops_modelkit.training.linear import linear_quality
from sagemaker_gitops_modelkit.training.parent import CHANNEL, Parent, load_parent, require_same_features
from sagemaker_gitops_modelkit.training.parity import Parity, prove_equal
from sagemaker_gitops_modelkit.training.reference_statistics import constraints, statistics
from sagemaker_gitops_modelkit.training.scored import Scored
from sagemaker_gitops_modelkit.training.scoring import open_session, score
from sagemaker_gitops_modelkit.training.validation import validate

# The first 1024 characters of output/failure become the job's FailureReason.
FAILURE_CHARACTERS = 1024


def main(arguments: list[str], learner: AnyLearner) -> int:
    """Train one model with a project's learner; return the exit code."""
    if arguments != ["train"]:
        sys.stderr.write("usage: train.py train   (SageMaker starts a training container so)\n")
        return 2
    # As process 1 of a container Python would ignore the SIGTERM of StopTrainingJob until it is killed.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    root = Path(os.environ.get("SM_ML_ROOT", "/opt/ml"))
    try:
        train(root, learner)
    except TrainingFailure as failure:
        return _fail(root, str(failure)[:FAILURE_CHARACTERS])
    except Exception:  # noqa: BLE001 - whatever it is, the job's FailureReason must name it
        return _fail(root, traceback.format_exc()[-FAILURE_CHARACTERS:])
    return 0


def _fail(root: Path, reason: str) -> int:
    sys.stderr.write(f"{reason}\n")
    output = root / "output"
    output.mkdir(parents=True, exist_ok=True)
    (output / "failure").write_text(reason, encoding="utf-8")
    return 1


def train(root: Path, learner: AnyLearner) -> None:
    """Read the job's inputs below root, fit, export, prove, evaluate, and write the model."""
    hosts = load_hosts(root / "input/config/resourceconfig.json")
    if not hosts.first:
        # Boosting grows one tree on the errors of the last, so it is not spread over machines.
        print(f"{hosts.current} has nothing to do: {hosts.everyone[0]} trains alone", flush=True)  # noqa: T201
        return
    schema_file = _schema_path(learner)
    schema = load_schema(schema_file)
    given = root / "input/config/hyperparameters.json"
    hyperparameters = load_hyperparameters(given, learner.hyperparameters, schema.task)
    split = load_split(root / "input/data/training", schema)
    parent = load_parent(root / "input/data" / CHANNEL, sha256=os.environ.get("PARENT_SHA256"))
    print(f"training on {len(split.train)} rows with {hyperparameters}", flush=True)  # noqa: T201 - the job's log
    if is_tuning(given):
        _print_metrics("validation", validate(split.train, schema, learner, hyperparameters))
    if parent:
        model, parity = _continue(parent, split, learner, hyperparameters)
    else:
        model, parity = _fit(split, schema, learner, hyperparameters, checkpoints=root / "checkpoints")
    threshold = {"threshold": hyperparameters.threshold} if schema.task == "binary" else {}
    scored = _judge(model, split, schema, hyperparameters.threshold)
    linear = linear_quality(split, schema, threshold=hyperparameters.threshold)
    metrics = _metrics(scored, split, parity, linear=linear) | _lineage(parent, hyperparameters)
    learnt = features(split.train, schema)
    documents = {
        "schema.json": _schema_document(schema_file) | threshold,
        "metrics.json": metrics,
        "statistics.json": statistics(learnt, schema),
        "constraints.json": constraints(learnt, schema),
    }
    _write_model(root / "model", model, documents)
    _write_json(root / "output/data/evaluation.json", scored.curves())
    _announce(metrics)


def _fit(
    split: Split, schema: Schema, learner: AnyLearner, hyperparameters: Hyperparameters, *, checkpoints: Path
) -> tuple[bytes, Parity]:
    table = as_served(features(split.train, schema), schema)
    pipeline = checkpoint.fit(
        unfitted(learner, schema, hyperparameters), table, target(split.train, schema), checkpoints
    )
    threshold = hyperparameters.threshold
    model = export(pipeline, schema, threshold=threshold)
    return model, prove_equal(pipeline, model, features(split.test, schema), schema, threshold=threshold)


def _continue(
    parent: Parent, split: Split, learner: AnyLearner, hyperparameters: Hyperparameters
) -> tuple[bytes, Parity]:
    require_same_features(parent, _schema_path(learner))
    schema, threshold = parent.schema, hyperparameters.threshold
    further = unfitted(learner, schema, hyperparameters)
    continued = continue_from(parent, further, rounds=additional_rounds(hyperparameters))
    continued.pipeline.fit(as_served(features(split.train, schema), schema), target(split.train, schema))
    model = continued.export(schema, threshold=threshold)
    parity = prove_equal(continued.pipeline, model, features(split.test, schema), schema, threshold=threshold)
    return model, parity


def _lineage(parent: Parent | None, hyperparameters: Hyperparameters) -> dict[str, Any]:
    if parent is None:
        return {}
    return {"parent": {"sha256": parent.sha256, "additional_rounds": additional_rounds(hyperparameters)}}


def _judge(model: bytes, split: Split, schema: Schema, threshold: float) -> Scored:
    answers = score(open_session(model), features(split.test, schema), schema)
    return judge(answers, split.test, schema, threshold=threshold)


def _schema_document(path: Path) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return document


def _schema_path(learner: AnyLearner) -> Path:
    # The image holds it beside train.py, a checkout in model/config.
    code = Path(inspect.getfile(learner.pipeline)).resolve().parent
    beside = code / "schema.json"
    return beside if beside.exists() else code.parent / "config" / "schema.json"


def _metrics(scored: Scored, split: Split, parity: Parity, *, linear: Mapping[str, float]) -> dict[str, Any]:
    return {
        "rows": {"train": len(split.train), "test": len(split.test)},
        "overall": scored.quality(),
        "linear": linear,
        "bias": scored.bias(),
        "groups": scored.groups(),
        **scored.shape(),
        "parity": dataclasses.asdict(parity),
    }


def _write_model(folder: Path, model: bytes, documents: dict[str, dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "model.onnx").write_bytes(model)
    for name, document in documents.items():
        _write_json(folder / name, document)
    names = sorted(["model.onnx", *documents])
    hashes = {name: hashlib.sha256((folder / name).read_bytes()).hexdigest() for name in names}
    _write_json(folder / "manifest.json", {"files": hashes})


def _write_json(path: Path, document: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(document, indent=1, allow_nan=False)
    path.write_text(text + "\n", encoding="utf-8")


def _announce(metrics: dict[str, Any]) -> None:
    """Print what SageMaker's MetricDefinitions read: one `name=value;` a line."""
    _print_metrics("test", {**metrics["overall"], **metrics["bias"]})
    sys.stdout.write(f"parity:max_abs_difference={metrics['parity']['max_abs_difference']:.3g};\n")


def _print_metrics(rows: str, values: dict[str, Any]) -> None:
    for name, value in values.items():
        sys.stdout.write(f"{rows}:{name}={value};\n")
