"""A release's model card, put together from the checkout, the gates and the trained artefact."""

import io
import json
import tarfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import fingerprint
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.report import card as cards
from sagemaker_gitops.report.card import Content, Facts, Statement

STATEMENT = Path("model/config/card.json")
_EVALUATION = "evaluation.json"
_UNSTATED = Statement(
    purpose=f"Not stated: write it into {STATEMENT}.", intended_uses=f"Not stated: write it into {STATEMENT}."
)


def statement(root: Path) -> Statement:
    """Read what people say about the model; a model without the file has a card that says so."""
    path = root / STATEMENT
    if not path.is_file():
        return _UNSTATED
    try:
        return Statement.model_validate_json(path.read_text(encoding="utf-8"))
    except ValidationError as err:
        first = err.errors()[0]
        raise ConfigurationError(
            f"the model card's text is not valid: {'.'.join(map(str, first['loc']))}: {first['msg']}",
            where=str(path),
            next_step="correct the file; the registry limits each text to 2048 characters",
        ) from err


def compose(
    settings: Settings, report: Mapping[str, Any], metrics: Mapping[str, Any], *, image: str, lineage: Mapping[str, str]
) -> Content:
    """Write the card of a model that its gates have judged; `report` is their report."""
    tag = fingerprint.image_tag(settings.root, "train")
    hyperparameters = json.loads((settings.root / "model/config/hyperparameters.json").read_text(encoding="utf-8"))
    account, region = settings.registry_account, settings.region
    facts = Facts(
        owner=settings.project_file.github.owner,
        model_data=report["model_data"],
        image=image,
        training_image=settings.image_uri("train", tag),
        training_job=f"arn:aws:sagemaker:{region}:{account}:training-job/{report['training_job']}",
        data=f"s3://{settings.data_bucket}, version {lineage.get('data_version', 'unknown')}",
        hyperparameters=hyperparameters,
        metrics=metrics,
        thresholds=report["marks"],
        lineage={"fingerprint": report["fingerprint"], "model_sha256": report["model_sha256"], **lineage},
    )
    return cards.content(statement(settings.root), facts)


def evaluation(aws: Aws, model_data: str) -> dict[str, Any]:
    """Fetch the curves that the training job left beside its model; empty if it left none."""
    content = aws.storage.get_if_told(beside(model_data))
    return curves(content) if content else {}


def beside(model_data: str) -> str:
    """Name what SageMaker keeps of a job's /opt/ml/output/data, beside its model."""
    return model_data.removesuffix("model.tar.gz") + "output.tar.gz"


def curves(content: bytes) -> dict[str, Any]:
    """Read the curves out of a training job's output; empty if train.py wrote none."""
    with tarfile.open(fileobj=io.BytesIO(content)) as tar:
        for member in tar.getmembers():
            file = tar.extractfile(member) if member.name.endswith(_EVALUATION) else None
            if file is not None:
                found: dict[str, Any] = json.load(file)
                return found
    return {}
