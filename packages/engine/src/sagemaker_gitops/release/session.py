"""The one way to change an endpoint: hold its lease, write its ledger, drive one rollout to its end."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from sagemaker_gitops.aws.models import Container
from sagemaker_gitops.aws.registry import RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import artifact
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release import lease as leasing
from sagemaker_gitops.release import samples, variants
from sagemaker_gitops.release.actions import Finish
from sagemaker_gitops.release.carry import Carrier, Site
from sagemaker_gitops.release.drive import World
from sagemaker_gitops.release.gauges import LiveGauges
from sagemaker_gitops.release.journal import Author, Journal
from sagemaker_gitops.release.machine import RolloutKind
from sagemaker_gitops.release.ports import Clock, LeaseView, SystemClock
from sagemaker_gitops.release.state import Fleet, Release

Progress = Callable[[str], None]


def release_of(settings: Settings, model: RegisteredModel) -> Release:
    """Describe a registered version as something that an endpoint can serve."""
    tag = model.image.rsplit(":", 1)[-1]
    return Release(
        version=model.version,
        fingerprint=model.fingerprint,
        commit=model.commit,
        data_version=model.data_version,
        package=model.arn,
        image=model.image,
        model_data=model.model_data,
        model_sha256=model.model_sha256,
        # The environment is part of the name: a model carries its environment's role.
        model=f"{settings.project}-{settings.env}-v{model.version}-{tag[:8]}",
        metrics={key: value for key, value in model.metadata.items() if key.startswith("metric_")},
        approval=model.approval,
    )


def owner_of(author: Author) -> str:
    """Name who holds a lease; a re-run of one workflow run is the same owner."""
    return f"{author.actor} ({author.run or f'{socket.gethostname()}:{os.getpid()}'})"


def look(settings: Settings, aws: Aws) -> Fleet | None:
    """Look at the environment's endpoint."""
    view = aws.endpoints.describe(settings.endpoint_name)
    return Fleet.of(view) if view else None


def notebook(settings: Settings, aws: Aws, author: Author, *, clock: Clock | None = None) -> Journal:
    """Open the ledger for notes that change nothing, which need no lease."""
    return _journal(settings, aws, author, clock or SystemClock(), lease=None)


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The place to change one endpoint from, while its lease is held."""

    settings: Settings
    aws: Aws
    clock: Clock
    journal: Journal
    lease: LeaseView
    progress: Progress

    def carry_out(self, kind: RolloutKind, candidate: Release, *, reason: str, strategy: str = "") -> Finish:
        """Drive one rollout to its end, the unfinished one of a former run included."""
        rows = self._prepare(candidate)
        finish = self._carrier.carry_out(kind, candidate, reason=reason, rows=rows, strategy=strategy)
        self.furnish()
        return finish

    def restore(self, reason: str) -> Finish | None:
        """Give all traffic back to the release that must serve, by the shortest way."""
        finish = self._carrier.restore(reason)
        self.furnish()
        return finish

    def abandon(self, reason: str) -> Finish | None:
        """End an unfinished rollout in favour of its champion; None when there is none."""
        finish = self._carrier.abandon(reason)
        self.furnish()
        return finish

    def furnish(self) -> None:
        """Give the variants that are there what belongs to them, and take away what a gone one left."""
        fleet = look(self.settings, self.aws)
        variants.furnish(self.settings, self.aws, fleet, self.journal.standing.serving)
        if refusal := variants.draw(self.settings, self.aws, self.journal.standing.promotions):
            self.progress(f"the dashboard does not show this release: {refusal}")

    def point(self) -> None:
        """Tell callers what serves."""
        self._carrier.point()

    @property
    def _carrier(self) -> Carrier:
        return Carrier(_site(self.settings), self._world(), self.journal, self.lease)

    def settle(self) -> None:
        """Wait until AWS has done what it was asked outside of a rollout."""
        tenure = leasing.Tenure(
            self.aws.lease, self.clock, self.lease, seconds=self.settings.deploy.lease_seconds, progress=self.progress
        )
        while (fleet := look(self.settings, self.aws)) is not None and not fleet.settled:
            tenure.wait(self.settings.aws.poll_seconds, f"AWS says {fleet.status}")

    def _world(self) -> World:
        gauges = LiveGauges(
            endpoint=self.settings.endpoint_name,
            counters=self.aws.metrics,
            recorder=self.aws.captures,
            clock=self.clock,
        )
        return World(
            fleets=self.aws.endpoints,
            probe=self.aws.invocations,
            gauges=gauges,
            leases=self.aws.lease,
            pointers=self.aws.pointers,
            clock=self.clock,
            progress=self.progress,
        )

    def _prepare(self, release: Release) -> list[dict[str, object]]:
        """Have AWS know the model and its alarms, and read from the verified artefact which rows it must answer."""
        self._ensure_model(release)
        variants.expect(self.settings, self.aws, release)
        with TemporaryDirectory() as scratch:
            archive = Path(scratch) / "model.tar.gz"
            self.aws.storage.download(release.model_data, archive, sha256=release.model_sha256)
            folder = artifact.unpack(archive, Path(scratch) / "model")
            schema = json.loads((folder / "schema.json").read_text())
        return samples.rows(schema, self.settings.deploy.verify_rows)

    def _ensure_model(self, release: Release) -> None:
        # Where an approval is required AWS checks it as well: it refuses a package that has none.
        package = release.package if self.settings.approval.required else ""
        environment = {
            "MODEL_VERSION": str(release.version),
            "MODEL_FINGERPRINT": release.fingerprint,
            "MODEL_COMMIT": release.commit,
            "MODEL_DATA_VERSION": release.data_version,
            "MODEL_VARIANT": release.variant,
        }
        container = Container(
            environment={key: value for key, value in environment.items() if value},
            image=release.image,
            model_data=release.model_data,
            package=package,
        )
        self.aws.models.ensure(release.model, container, role=self.settings.inference_role_arn)


@contextmanager
def desk(
    settings: Settings, aws: Aws, author: Author, *, progress: Progress, clock: Clock, take_over: bool = False
) -> Iterator[Desk]:
    """Hold the endpoint's lease and open its ledger."""
    endpoint, seconds = settings.endpoint_name, settings.deploy.lease_seconds
    owner = owner_of(author)
    if take_over:
        lease: LeaseView = aws.lease.take_over(endpoint, owner, now=clock.now().timestamp(), seconds=seconds)
    else:
        lease = leasing.acquire(aws.lease, clock, endpoint=endpoint, owner=owner, seconds=seconds, progress=progress)
    try:
        journal = _journal(settings, aws, author, clock, lease=lease)
        yield Desk(settings=settings, aws=aws, clock=clock, journal=journal, lease=lease, progress=progress)
    finally:
        aws.lease.release(endpoint, lease.token)


def _journal(settings: Settings, aws: Aws, author: Author, clock: Clock, *, lease: LeaseView | None) -> Journal:
    return Journal(
        aws.ledger,
        clock,
        environment=settings.env,
        author=author,
        lease=lease,
        retention_days=settings.deploy.ledger_retention_days,
    )


def _site(settings: Settings) -> Site:
    serving = settings.serving
    return Site(
        endpoint=settings.endpoint_name,
        config=settings.deploy,
        instance_type=serving.instance_type,
        instances=serving.instance_count,
        capture_percent=serving.capture_percent,
        p50_ms=serving.sla.p50_ms,
        p95_ms=serving.sla.p95_ms,
        poll_seconds=settings.aws.poll_seconds,
    )
