"""Keeps each trained model as a run of an experiment, where the environment's `experiments` says so.

Nothing hangs on it: a run that cannot be kept is a remark, and the next stage of the same model makes up for it.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sagemaker_gitops.aws.registry import RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import cache
from sagemaker_gitops.build import experiment_runs as runs
from sagemaker_gitops.build.cache import Trained
from sagemaker_gitops.build.experiments import Entry, Logged, Mlflow, NotLogged, Store
from sagemaker_gitops.build.recipe import Recipe
from sagemaker_gitops.errors import Annotation
from sagemaker_gitops.project.experiments_config import ExperimentsConfig
from sagemaker_gitops.project.settings import Settings

_ARTIFACTS = Path(".local/mlflow")


@dataclass(frozen=True, kw_only=True)
class Kept:
    """What the registry remembers of a run, and why there is none."""

    facts: Mapping[str, str] = field(default_factory=dict)
    remarks: tuple[Annotation, ...] = ()


@dataclass(frozen=True, kw_only=True)
class _Facts:
    fingerprint: str
    params: Mapping[str, str] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)
    tags: Mapping[str, str] = field(default_factory=dict)
    documents: Mapping[str, Any] = field(default_factory=dict)


def trained(settings: Settings, aws: Aws, wanted: Recipe, model: Trained) -> Kept:
    """Keep what a training job was given and what came of it."""
    if settings.experiments is None:
        return Kept()
    with TemporaryDirectory() as scratch:
        folder = cache.fetch(aws, model.model_data, model.sha256, Path(scratch) / "model")
        documents = {name: (folder / name).read_text() for name in runs.DOCUMENTS if (folder / name).is_file()}
    tags = {
        "data_version": wanted.mark.inputs["data"],
        **{f"input_{name}": value for name, value in wanted.mark.inputs.items()},
        **wanted.lineage,
        "training_job": model.job.name,
        "training_seconds": f"{model.job.seconds:.0f}",
        "model_data": model.model_data,
        "model_sha256": model.sha256,
        "model_file_sha256": model.file_sha256,
    }
    facts = _Facts(
        fingerprint=wanted.mark.digest,
        params=model.job.hyperparameters,
        metrics=runs.metrics(json.loads(documents.get("metrics.json", "{}"))),
        tags=tags,
        documents=documents,
    )
    return _keep(settings, aws, settings.experiments, facts)


def judged(settings: Settings, aws: Aws, report: Mapping[str, Any]) -> Kept:
    """Keep the gates' verdict on a model, whatever it is."""
    if settings.experiments is None:
        return Kept()
    facts = _Facts(
        fingerprint=report["fingerprint"],
        metrics=runs.verdict(report),
        # What lost its challenge was never judged.
        tags={"gates": "not run" if "tests" not in report else "passed" if report["passed"] else "failed"},
        documents={"gates.json": report},
    )
    return _keep(settings, aws, settings.experiments, facts)


def registered(settings: Settings, aws: Aws, model: RegisteredModel) -> Kept:
    """Keep which version a model became, with its card."""
    if settings.experiments is None:
        return Kept()
    tags = {"model_version": str(model.version), "model_package_arn": model.arn, "commit": model.commit}
    facts = _Facts(fingerprint=model.fingerprint, tags=tags, documents={"model_card.json": model.card})
    return _keep(settings, aws, settings.experiments, facts)


def _keep(settings: Settings, aws: Aws, config: ExperimentsConfig, facts: _Facts) -> Kept:
    store = _store(settings, config)
    mlflow = Mlflow(root=settings.root, surroundings=aws.surroundings())
    try:
        with TemporaryDirectory() as scratch:
            entry = Entry(
                fingerprint=facts.fingerprint,
                run_name=settings.training_job_name(facts.fingerprint),
                params=facts.params,
                metrics=facts.metrics,
                tags={"project": settings.project, **facts.tags},
                files=runs.written(Path(scratch), facts.documents),
            )
            logged = mlflow.log(store, entry)
            if logged.created and config.managed:
                logged = _elect(settings, aws, store, entry, logged)
    except NotLogged as err:
        return Kept(remarks=(_remark(settings, f"no experiment keeps this run: {err}"),))
    found = {"experiment": store.experiment, "experiment_run": logged.run_id, "experiment_tracking": config.tracking}
    return Kept(facts={name: value[:256] for name, value in found.items()})


def _elect(settings: Settings, aws: Aws, store: Store, entry: Entry, mine: Logged) -> Logged:
    """Let one of two runners that log the same fingerprint at once be the one whose run is kept."""
    place = hashlib.sha256(store.tracking.encode()).hexdigest()[:8]
    uri = settings.experiment_record_uri(entry.fingerprint, place)
    record = json.loads(aws.storage.write_once(uri, json.dumps({"run_id": mine.run_id}).encode()))
    if record["run_id"] == mine.run_id:
        return mine
    mlflow = Mlflow(root=settings.root, surroundings=aws.surroundings())
    return mlflow.log(store, entry, elected=record["run_id"], rejected=mine.run_id)


def _store(settings: Settings, config: ExperimentsConfig) -> Store:
    # A managed server knows its own bucket; a file of this machine keeps everything below .local.
    artifacts = None if config.managed else (settings.root / _ARTIFACTS).resolve().as_uri()
    return Store(tracking=config.tracking, experiment=config.name or settings.project, artifacts=artifacts)


def _remark(settings: Settings, message: str) -> Annotation:
    return Annotation(message=message, file=f"infra/config/{settings.env}.json", level="warning")
