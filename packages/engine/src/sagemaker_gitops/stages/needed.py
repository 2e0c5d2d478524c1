"""needed: tell whether a version has yet to be released, so that nobody is asked about one that serves already."""

from dataclasses import dataclass, field

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.project.freeze import FreezeWindow
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.lease import Clock
from sagemaker_gitops.release.ledger import read
from sagemaker_gitops.release.session import release_of, serves
from sagemaker_gitops.release.state import fold
from sagemaker_gitops.report.markdown import inert
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which version."""

    version: int
    clock: Clock = field(default_factory=Clock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Compare the version with what the ledger says and what the endpoint does."""
    release = release_of(settings, aws.registry.describe(options.version))
    endpoint = aws.endpoints.describe(settings.endpoint_name)
    served = serves(fold(read(aws.ledger)), endpoint, release)
    told = "serves {} already: nobody has to be asked" if served else "has yet to be released to {}"
    frozen = settings.freeze.at(options.clock.now()) if settings.env == "prod" and not served else None
    return StageResult(
        summary=f"### needed\nVersion **{release.version}** {told.format(f'`{settings.env}`')}." + _warning(frozen),
        outputs={"needed": str(not served).lower()},
    )


def _warning(frozen: FreezeWindow | None) -> str:
    return (
        f"\n\n**{inert(str(frozen))}.** A release is refused until then; run the job again afterwards."
        if frozen
        else ""
    )
