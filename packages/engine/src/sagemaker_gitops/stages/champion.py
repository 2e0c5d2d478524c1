"""champion: fetch what a pull request is compared with, so that its own code needs no credentials."""

from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import champion
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """The folder to fill."""

    folder: Path


def run(aws: Aws, options: Options) -> StageResult:
    """Fetch the newest approved version, and the list of what is registered."""
    fetched = champion.fetch(aws, options.folder)
    told = f"Version **{fetched.version}** is the newest approved one" if fetched.version else "None is approved yet"
    return StageResult(
        summary=f"### champion\n{told}; {len(fetched.registered)} versions are registered.",
        outputs={"version": str(fetched.version or "")},
    )
