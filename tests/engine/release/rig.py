"""A whole release plane in memory, to drive rollouts on."""

from collections.abc import Callable
from datetime import datetime

from sagemaker_gitops.project.deploy_config import DeployConfig
from sagemaker_gitops.release.actions import Finish
from sagemaker_gitops.release.carry import Carrier, Site
from sagemaker_gitops.release.checks import Answers, Evidence, Traffic
from sagemaker_gitops.release.drive import World
from sagemaker_gitops.release.history import Standing, fold
from sagemaker_gitops.release.journal import Author, Journal, read
from sagemaker_gitops.release.ledger import Entry, verify
from sagemaker_gitops.release.machine import RolloutKind
from sagemaker_gitops.release.state import Release
from tests.engine.release.fake_endpoint import FakeClock, FakeFleets, Killer
from tests.engine.release.fake_stores import FakeGauges, FakeLeases, FakeLedger, FakePointers, FakeProbe

ENDPOINT = "loans-prod"
GOOD = Evidence(
    candidate=Traffic(requests=200, p50_ms=1, p95_ms=2),
    champion=Traffic(requests=800, p50_ms=1, p95_ms=2),
    candidate_answers=Answers(requests=200, labels={"no": 180, "yes": 20}, probabilities=(0.1,) * 200),
    champion_answers=Answers(requests=800, labels={"no": 720, "yes": 80}, probabilities=(0.1,) * 800),
)


def release(version: int) -> Release:
    """Make a release that differs from every other version."""
    return Release(
        version=version,
        fingerprint=f"{version:064x}"[::-1],
        commit=f"{version:040x}",
        data_version="d" * 64,
        package=f"arn:aws:sagemaker:eu-west-1:111111111111:model-package/loans/{version}",
        image="111111111111.dkr.ecr.eu-west-1.amazonaws.com/loans-inference:0123456789abcdef",
        model_data=f"s3://loans/{version}/model.tar.gz",
        model_sha256="a" * 64,
        model=f"loans-prod-v{version}-01234567",
    )


class Rig:
    """One endpoint with its ledger and its lease, which outlive every process that works on them."""

    def __init__(
        self, config: DeployConfig | None = None, *, evidence: Callable[[datetime], Evidence] | None = None
    ) -> None:
        self.config = config or DeployConfig()
        self.clock = FakeClock()
        self.fleets = FakeFleets(self.clock, Killer())
        self.leases = FakeLeases()
        self.ledger = FakeLedger(self.leases, Killer())
        self.pointers = FakePointers(Killer())
        self.gauges = FakeGauges(evidence or (lambda _: GOOD))
        self.probe = FakeProbe(self.fleets, {release(n).model: release(n).fingerprint for n in range(1, 10)})
        self.said: list[str] = []

    def run(self, version: int, kind: RolloutKind = "deploy", *, killer: Killer | None = None) -> Finish:
        """Run one process that brings a version to the endpoint."""
        self.fleets.killer = self.ledger.killer = self.pointers.killer = killer or Killer()
        lease = self.leases.take_over(ENDPOINT, "test", now=self.clock.now().timestamp(), seconds=60)
        journal = self.journal()
        carrier = Carrier(self.site, self._world(), journal, lease)
        finish = carrier.carry_out(kind, release(version), reason="test", rows=[{"a": 1}])
        self.leases.release(ENDPOINT, lease.token)
        return finish

    def run_again(self, version: int, kind: RolloutKind = "deploy") -> Finish:
        """Run the same command once more, as an operator does after a crash."""
        return self.run(version, kind)

    def journal(self) -> Journal:
        """Open the ledger under whatever lease there is."""
        return Journal(
            self.ledger,
            self.clock,
            environment="prod",
            author=Author(actor="tester"),
            lease=self.leases.held,
            retention_days=1,
        )

    @property
    def site(self) -> Site:
        """The endpoint's configuration."""
        return Site(
            endpoint=ENDPOINT,
            config=self.config,
            instance_type="ml.m6i.large",
            instances=1,
            capture_percent=100,
            p50_ms=50,
            p95_ms=150,
            poll_seconds=5,
        )

    @property
    def entries(self) -> list[Entry]:
        """What the ledger holds."""
        return read(self.ledger)

    @property
    def standing(self) -> Standing:
        """What the ledger says."""
        return fold(self.entries)

    @property
    def weights(self) -> dict[str, float]:
        """Who answers whom, once everything has settled."""
        view = self.fleets.view
        return {item.name: item.weight for item in view.production} if view else {}

    def problems(self) -> list[str]:
        """List what verify-ledger would find."""
        return verify("prod", list(self.ledger.records()), self.ledger.copies())

    def _world(self) -> World:
        return World(
            fleets=self.fleets,
            probe=self.probe,
            gauges=self.gauges,
            leases=self.leases,
            pointers=self.pointers,
            clock=self.clock,
            progress=self.said.append,
        )
