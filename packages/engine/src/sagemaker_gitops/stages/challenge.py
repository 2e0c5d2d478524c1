"""challenge: compare a retrained model with the champion, on the same rows, with the confidence that was asked for."""

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Literal

from sagemaker_gitops.aws.registry import RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import cache, fingerprint, gates, recipe
from sagemaker_gitops.build.cache import Trained
from sagemaker_gitops.build.recipe import Choice, Recipe
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project import schema_documents as documents
from sagemaker_gitops.project.contract_change import SCHEMA
from sagemaker_gitops.project.model_schema import ModelSchema
from sagemaker_gitops.project.retrain_config import METRICS, Task
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.ledger import read
from sagemaker_gitops.release.state import fold
from sagemaker_gitops.stages.result import StageResult

if TYPE_CHECKING:
    from sagemaker_gitops.build.paired_bootstrap import Evidence

# Truth, champion and challenger: a number for each row, or a line of probabilities where there are more classes.
Pairs = Mapping[str, list[float] | list[list[float]]]
Outcome = Literal["won", "lost", "unopposed", "unchanged"]


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which model challenges, and which version it challenges; None is the one that serves."""

    progress: Callable[[str], None]
    choice: Choice
    champion: int | None = None


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Keep the evidence where register looks for it; a challenger that loses is an answer, not an error."""
    task = _task(settings)
    wanted = recipe.resolve(settings, aws, options.choice)
    trained = cache.require(settings, aws, wanted.mark)
    champion = _champion(settings, aws, options.champion)
    if champion is None:
        return _result("There is no champion yet: whoever passes the gates may serve.", outcome="unopposed")
    if champion.fingerprint == wanted.mark.digest:
        told = f"Version {champion.version} is this very model: code, data and parent are what they were."
        return _result(told, outcome="unchanged")
    options.progress(f"asking version {champion.version} and the challenger about the same rows")
    evidence = _evidence(settings, _answers(settings, aws, wanted, trained, champion), task)
    outcome: Outcome = "won" if evidence.won else "lost"
    report = asdict(evidence) | {
        "outcome": outcome,
        "told": str(evidence),
        "champion_version": champion.version,
        "champion_fingerprint": champion.fingerprint,
        "fingerprint": wanted.mark.digest,
        "data_version": wanted.mark.inputs["data"],
    }
    uri = settings.challenge_uri(wanted.mark.digest, fingerprint.image_tag(settings.root, "inference"))
    aws.storage.put(uri, json.dumps(report, indent=1, sort_keys=True).encode())
    return _result(_table(evidence, champion), outcome=outcome, challenge_report=uri)


def _champion(settings: Settings, aws: Aws, named: int | None) -> RegisteredModel | None:
    if named is not None:
        return aws.registry.describe(named)
    if not settings.approval.required:
        # Here anything may serve for a while. What was let into production is the one to beat.
        return aws.registry.champion()
    serving = fold(read(aws.ledger)).serving
    return aws.registry.describe(serving.version) if serving else None


def _answers(settings: Settings, aws: Aws, wanted: Recipe, trained: Trained, champion: RegisteredModel) -> Pairs:
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        version = wanted.mark.inputs["data"]
        environment = {
            "MODEL_DIR": str(cache.fetch(aws, trained.model_data, trained.sha256, folder / "challenger")),
            "CHAMPION_DIR": str(cache.fetch(aws, champion.model_data, champion.model_sha256, folder / "champion")),
            "DATA_DIR": str(recipe.data_folder(settings, aws, version, folder / "stored")),
        }
        return gates.paired_answers(settings.root, environment)


def _task(settings: Settings) -> Task:
    """Read what the model does, and refuse a metric that says nothing about it before anything is fetched."""
    schema = documents.read(settings.root, SCHEMA, ModelSchema)
    if schema.content is None:
        raise ConfigurationError(
            f"{SCHEMA} does not say what the model does: {schema.findings[0].message}",
            where=SCHEMA,
            next_step="run `pipeline schema`, which lists what is wrong with it",
        )
    task = schema.content.task
    metric = settings.retrain.metric
    if metric and metric not in METRICS[task]:
        raise ConfigurationError(
            f"retrain.metric is {metric}, which judges no {task} model",
            where=f"infra/config/{settings.env}.json",
            next_step=f"choose one of {', '.join(METRICS[task])}, or leave it out for {METRICS[task][0]}",
        )
    return task


def _evidence(settings: Settings, answers: Pairs, task: Task) -> "Evidence":
    from sagemaker_gitops.build import paired_bootstrap as bootstrap  # noqa: PLC0415 - nothing before waits for NumPy

    return bootstrap.compare(bootstrap.Answers.of(answers), settings.retrain, task)


def _table(evidence: "Evidence", champion: RegisteredModel) -> str:
    told = str(evidence)
    rows = [
        f"| champion, version {champion.version} | {evidence.champion:.4f} |",
        f"| challenger | {evidence.challenger:.4f} |",
        f"| better by | {evidence.difference:+.4f} |",
        f"| at {evidence.confidence:.1%} confidence by at least | {evidence.lower:+.4f} |",
        f"| must be more than | {evidence.margin:+.4f} |",
    ]
    return "\n".join([f"{told[0].upper()}{told[1:]}.", "", f"| {evidence.metric} | |", "|---|---|", *rows])


def _result(told: str, *, outcome: Outcome, **outputs: str) -> StageResult:
    return StageResult(summary=f"### challenge\n{told}", outputs={"challenge": outcome, **outputs})
