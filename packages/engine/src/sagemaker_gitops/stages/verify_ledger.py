"""verify-ledger: prove that no entry of the ledger was altered, removed, inserted or moved."""

from dataclasses import dataclass

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import LedgerBroken
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.ledger import verify
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Nothing to choose."""


def run(settings: Settings, aws: Aws, _options: Options) -> StageResult:
    """Recompute the chain, and compare every line with its locked copy."""
    records, copies = aws.ledger.records(), aws.ledger.copies()
    if problems := verify(settings.env, records, copies):
        raise LedgerBroken(
            f"the ledger of {settings.env} is not intact:\n    " + "\n    ".join(problems),
            where=f"table {settings.ledger_table}, bucket {settings.ledger_bucket}",
            next_step="keep both as they are, and compare with the bucket's locked versions: those nobody can alter",
        )
    return StageResult(
        summary=f"### verify-ledger\nAll {len(records)} entries of `{settings.env}` are in order, unaltered, "
        f"and equal to {len(copies)} locked copies.",
        outputs={"entries": str(len(records)), "copies": str(len(copies))},
    )
