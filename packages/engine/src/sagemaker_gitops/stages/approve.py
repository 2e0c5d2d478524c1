"""approve: a person lets a registered version into production, or refuses it, with a reason."""

import json
from dataclasses import dataclass

from sagemaker_gitops.aws.registry import APPROVED, REJECTED, RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import ConfigurationError, GateFailed
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.report import card as cards
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which version, who decides, why, and which way."""

    version: int
    approver: str
    reason: str
    reject: bool = False


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Write the decision into the registry."""
    if not options.reason.strip():
        raise ConfigurationError(
            "an approval needs a reason; it is what an auditor reads",
            where="--reason",
            next_step='say why, for example --reason "gates green, reviewed in #12"',
        )
    model = aws.registry.describe(options.version)
    if model.gates != "passed" and not options.reject:
        raise GateFailed(
            f"version {model.version} has not passed its gates and cannot be approved",
            where=model.arn,
            next_step=f"run `pipeline test --env {settings.env}` and register it again",
        )
    status = REJECTED if options.reject else APPROVED
    reason = f"{options.approver}: {options.reason}"[:1024]
    decided = aws.registry.decide(model.version, status=status, reason=reason, card=_card(model, options, status))
    return StageResult(
        summary=f"### approve\nVersion **{decided.version}** is {decided.status} by {options.approver}.",
        outputs={"version": str(decided.version), "status": decided.status},
    )


def _card(model: RegisteredModel, options: Options, decision: str) -> str:
    """Write the decision on the version's card, if it has one."""
    if not model.card:
        return ""
    word = cards.decided(json.loads(model.card), approver=options.approver, reason=options.reason, decision=decision)
    return cards.dump(word)
