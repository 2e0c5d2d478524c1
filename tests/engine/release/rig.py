"""Rollouts of one endpoint, driven on the AWS in memory as a stage drives them."""

from collections.abc import Callable
from datetime import datetime
from functools import cache

from sagemaker_gitops.aws.cloudwatch import Traffic
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.project.deploy_config import DeployConfig
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.checks import Answers, Evidence
from sagemaker_gitops.release.driver import Driver
from sagemaker_gitops.release.evidence import Window
from sagemaker_gitops.release.ledger import Entry, Release, read, verify
from sagemaker_gitops.release.machine import Finish
from sagemaker_gitops.release.session import open_session, release_of
from sagemaker_gitops.release.state import LedgerState, RolloutKind, fold
from sagemaker_gitops.release.writer import Author
from tests.engine.release.fake_aws import FakeAws, registered, settings_of
from tests.engine.release.fake_endpoint import Killer

GOOD = Evidence(
    candidate=Traffic(requests=200, p50_ms=1, p95_ms=2),
    champion=Traffic(requests=800, p50_ms=1, p95_ms=2),
    candidate_answers=Answers(requests=200, labels={"no": 180, "yes": 20}, probabilities=(0.1,) * 200),
    champion_answers=Answers(requests=800, labels={"no": 720, "yes": 80}, probabilities=(0.1,) * 800),
)


ENDPOINT = "loan-approval-prod"


@cache
def settings() -> Settings:
    """Read prod's configuration, with the numbers that these rollouts count on."""
    file_settings = settings_of("prod", AWS__POLL_SECONDS="5", SERVING__SLA__P50_MS="50", SERVING__SLA__P95_MS="150")
    fixed = {"instance_count": 1, "autoscaling": None, "capture_percent": 100}
    serving = file_settings.serving.model_copy(update=fixed)
    return file_settings.model_copy(
        update={"environment_file": file_settings.environment_file.model_copy(update={"serving": serving})}
    )


def release(version: int) -> Release:
    """Make a release that differs from every other version."""
    return release_of(settings(), registered(version))


class Rig:
    """One endpoint with its ledger and its lease, which outlive every process that works on them."""

    def __init__(
        self, config: DeployConfig | None = None, *, evidence: Callable[[datetime], Evidence] | None = None
    ) -> None:
        self.config = config or DeployConfig()
        self.aws = FakeAws(settings())
        self.clock = self.aws.clock
        self.said: list[str] = []
        self._evidence = evidence or (lambda _: GOOD)

    def measure_by(self, evidence: Callable[[datetime], Evidence]) -> None:
        """Have live traffic show something else from here on."""
        self._evidence = evidence

    def run(self, version: int, kind: RolloutKind = "deploy", *, killer: Killer | None = None) -> Finish:
        """Run one process that brings a version to the endpoint."""
        aws = self.aws
        aws.endpoints.killer = aws.ledger.killer = aws.pointers.killer = killer or Killer()
        author, clock, progress = Author(actor="tester", run="test"), self.clock, self.said.append
        with open_session(
            self._settings(), aws.services, author, progress=progress, clock=clock, take_over=True
        ) as session:
            return Driver(session, measure=self._measure).roll_out(kind, release(version), reason="test")

    def run_again(self, version: int, kind: RolloutKind = "deploy") -> Finish:
        """Run the same command once more, as an operator does after a crash."""
        return self.run(version, kind)

    @property
    def entries(self) -> list[Entry]:
        """What the ledger holds."""
        return read(self.aws.ledger)

    @property
    def state(self) -> LedgerState:
        """What the ledger says."""
        return fold(self.entries)

    @property
    def weights(self) -> dict[str, float]:
        """Each variant's traffic in percent, once everything has settled."""
        view = self.aws.endpoints.view
        return {item.name: item.weight for item in view.production} if view else {}

    def problems(self) -> list[str]:
        """List what verify-ledger would find."""
        return verify("prod", self.aws.ledger.records(), self.aws.ledger.copies())

    def _measure(self, _aws: Aws, window: Window) -> Evidence:
        return self._evidence(window.since)

    def _settings(self) -> Settings:
        deploy = self.config.model_copy(update={"verify_rows": 1})
        file = settings().environment_file.model_copy(update={"deploy": deploy})
        return settings().model_copy(update={"environment_file": file})
