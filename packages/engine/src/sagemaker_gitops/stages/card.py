"""card: a registered version's model card, as JSON, Markdown and a page with plots."""

import json
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import model_card as releasecard
from sagemaker_gitops.errors import ModelMissing
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.report import release as reports
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which version, and the folder that its folder is made in."""

    version: int
    folder: Path


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Write the card as the registry has it now, the decision on it included."""
    model = aws.registry.describe(options.version)
    if not model.card:
        raise ModelMissing(
            f"version {model.version} has no model card: it was registered before there were any",
            where=model.arn,
            next_step="register the model again, from its commit",
        )
    card = json.loads(model.card)
    title = f"{settings.project}, version {model.version}"
    files = {
        "card.json": json.dumps(card, indent=1, ensure_ascii=False),
        "card.md": reports.markdown(title, card),
        "report.html": reports.webpage(title, card, releasecard.evaluation(aws, model.model_data)),
    }
    folder = options.folder / f"v{model.version}"
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return StageResult(summary=files["card.md"], outputs={name.replace(".", "_"): str(folder / name) for name in files})
