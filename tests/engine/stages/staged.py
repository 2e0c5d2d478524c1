"""An environment whose stages run on an AWS in memory."""

from dataclasses import dataclass
from datetime import timedelta

from sagemaker_gitops.project.deploy_config import DeployConfig
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.ledger import Entry, read
from sagemaker_gitops.stages import approve, clean, deploy, drill, reconcile, rollback
from sagemaker_gitops.stages.result import StageResult
from tests.engine.release.fake_aws import FakeAws

REASON = "refuses good applications"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """An environment on which versions were deployed one after the other."""

    settings: Settings
    aws: FakeAws

    def deploy(self, version: int) -> StageResult:
        """Deploy a version."""
        options = deploy.Options(version=version, actor="ci", clock=self.aws.clock)
        return deploy.run(self.settings, self.aws.services, options)

    def rollback(
        self, *, to: str = "previous", force: bool = False, dry_run: bool = False, reason: str = REASON
    ) -> StageResult:
        """Roll back, as a person does."""
        options = rollback.Options(
            reason=reason,
            actor="operator",
            to=to,
            force=force,
            dry_run=dry_run,
            clock=self.aws.clock,
        )
        return rollback.run(self.settings, self.aws.services, options)

    def respond(self, *, alarm: str = "") -> StageResult:
        """Roll back, as an event of the monitor or of an alarm asks."""
        options = rollback.Options(reason=REASON, actor="an event", alarm=alarm, unattended=True, clock=self.aws.clock)
        return rollback.run(self.settings, self.aws.services, options)

    def revoke(self, version: int) -> None:
        """Revoke a version as a person does."""
        options = approve.Options(version=version, approver="risk", reason="biased", reject=True)
        approve.run(self.settings, self.aws.services, options)

    def clean(self) -> StageResult:
        """Retire the expired standbys."""
        return clean.run(self.settings, self.aws.services, clean.Options(actor="operations", clock=self.aws.clock))

    def clean_at_once(self) -> None:
        """Retire the standbys, however young."""
        at_once = with_deploy(self.settings, self.settings.deploy.model_copy(update={"standby_hours": 0}))
        clean.run(at_once, self.aws.services, clean.Options(actor="operations", clock=self.aws.clock))

    def drill(self) -> StageResult:
        """Roll back and forward."""
        return drill.run(self.settings, self.aws.services, drill.Options(actor="operations", clock=self.aws.clock))

    def reconcile(self, *, apply: bool = False) -> StageResult:
        """Compare, or repair."""
        options = reconcile.Options(actor="operations", apply=apply, clock=self.aws.clock)
        return reconcile.run(self.settings, self.aws.services, options)

    def pass_hours(self, hours: float) -> None:
        """Let time pass."""
        self.aws.clock.moment += timedelta(hours=hours)

    @property
    def entries(self) -> list[Entry]:
        """What the ledger holds."""
        return read(self.aws.ledger)


def deployed(settings: Settings, *versions: int) -> Endpoint:
    """Deploy versions one after the other."""
    made = Endpoint(settings=settings, aws=FakeAws(settings))
    for version in versions:
        made.deploy(version)
    return made


def with_deploy(settings: Settings, deploy_config: DeployConfig) -> Settings:
    """Change how releases reach the endpoint."""
    file = settings.environment_file.model_copy(update={"deploy": deploy_config})
    return settings.model_copy(update={"environment_file": file})
