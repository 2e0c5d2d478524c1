"""test: check the trained model against every threshold; a missed one stops the pipeline here."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sagemaker_gitops.aws.registry import RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import cache, fingerprint, gates, recipe, tracking
from sagemaker_gitops.build.cache import Trained
from sagemaker_gitops.build.recipe import Choice, Recipe
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages.result import StageResult

# Latency is a property of an endpoint, so its gate runs after a deploy.
_AFTER_DEPLOY = frozenset({"test_latency.py"})


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which model: what train was asked for, and perhaps the fingerprint that it returned."""

    progress: Callable[[str], None]
    fingerprint: str | None = None
    choice: Choice


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Judge the model, keep the verdict where register looks for it, and refuse a model that fails."""
    wanted = recipe.resolve(settings, aws, options.choice)
    digest = fingerprint.require(wanted.mark, options.fingerprint).digest
    trained = cache.require(settings, aws, wanted.mark)
    image_tag = fingerprint.image_tag(settings.root, "inference")
    champion = aws.registry.champion(besides=digest)
    facts = {
        "fingerprint": digest,
        "image_tag": image_tag,
        "training_job": trained.job.name,
        "model_data": trained.model_data,
        "model_sha256": trained.sha256,
        "champion_sha256": champion.model_sha256 if champion else "",
        "gates": fingerprint.gate_version(settings.root),
    }
    uri = settings.gate_report_uri(digest, image_tag)
    kept = gates.kept(aws.storage.get(uri), facts)
    if kept is None:
        options.progress(f"checking {digest[:12]} against {len(_files(settings.root))} files of gates")
    verdict = kept or _judge(settings, aws, wanted, trained, champion)
    report = verdict.as_json(**facts)
    if kept is None:
        aws.storage.put(uri, report)
    run = tracking.judged(settings, aws, json.loads(report))
    if not verdict.passed:
        raise gates.refusal(verdict)
    note = "\nThe same gates judged it before; nothing was run." if kept else ""
    outputs = {"fingerprint": digest, "model_sha256": trained.sha256, "gate_report": uri}
    return StageResult(summary=verdict.as_markdown() + note, outputs=outputs, annotations=run.remarks)


def _judge(
    settings: Settings, aws: Aws, wanted: Recipe, trained: Trained, champion: RegisteredModel | None
) -> gates.Verdict:
    with TemporaryDirectory() as scratch:
        folder = Path(scratch)
        environment = {
            "MODEL_DIR": str(cache.fetch(aws, trained.model_data, trained.sha256, folder / "candidate")),
            "DATA_DIR": str(recipe.data_folder(settings, aws, wanted.mark.inputs["data"], folder / "stored")),
            **_parent(settings, aws, wanted, folder / "parent"),
        }
        if champion:
            path = cache.fetch(aws, champion.model_data, champion.model_sha256, folder / "champion")
            environment["CHAMPION_DIR"] = str(path)
        return gates.run(settings.root, _files(settings.root), environment)


def _parent(settings: Settings, aws: Aws, wanted: Recipe, folder: Path) -> dict[str, str]:
    if wanted.parent is None:
        return {}
    model = cache.fetch(aws, wanted.parent.model_data, wanted.parent.model_sha256, folder / "model")
    data = recipe.data_folder(settings, aws, wanted.parent.data_version, folder / "stored")
    return {"PARENT_DIR": str(model), "PARENT_DATA_DIR": str(data)}


def _files(root: Path) -> list[Path]:
    found = sorted((root / "model" / "tests").glob("test_*.py"))
    return [path for path in found if path.name not in _AFTER_DEPLOY]
