"""The one way to change an endpoint: hold its lease, write its ledger, drive one rollout to its end."""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline import artifact
from pipeline.aws.models import Container
from pipeline.aws.registry import RegisteredModel
from pipeline.aws.services import Aws
from pipeline.release import lease as leasing
from pipeline.release import samples
from pipeline.release.actions import Finish
from pipeline.release.config import DeployConfig
from pipeline.release.drive import Driver, Job, World
from pipeline.release.gauges import LiveGauges
from pipeline.release.journal import Author, Journal, Line
from pipeline.release.machine import RolloutKind, Rules
from pipeline.release.ports import Clock, Guard, LeaseView, SystemClock
from pipeline.release.rules import limits_of, plan_of
from pipeline.release.state import Fleet, Release
from pipeline.settings import Settings

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
        known_rows = self._prepare(candidate)
        rollout = self.journal.standing.rollout
        if rollout and (rollout.kind != kind or not rollout.candidate.same_as(candidate)):
            self.abandon(f"{kind} of version {candidate.version} came in its place")
            rollout = None
        if rollout is None:
            line = Line(action=kind, outcome="started", release=candidate, before=self._percents(), reason=reason)
            self.journal.write(replace(line, strategy=strategy or self.settings.deploy.strategy))
        return self._drive(known_rows)

    def restore(self, reason: str) -> Finish | None:
        """Give all traffic back to the release that must serve, by the shortest way."""
        serving = self.journal.standing.serving
        if serving is None or self.journal.standing.rollout:
            return self.abandon(reason)
        line = Line(action="repair", outcome="started", release=serving, before=self._percents(), reason=reason)
        self.journal.write(replace(line, strategy=self.settings.deploy.strategy))
        return self.abandon(reason)

    def abandon(self, reason: str) -> Finish | None:
        """End an unfinished rollout in favour of its champion; None when there is none."""
        rollout = self.journal.standing.rollout
        if rollout is None:
            return None
        if not rollout.abort:
            line = Line(action="abort", outcome="started", release=rollout.candidate, reason=reason)
            self.journal.write(replace(line, before=self._percents()))
        return self._drive([])

    def settle(self) -> None:
        """Wait until AWS has done what it was asked outside of a rollout."""
        tenure = leasing.Tenure(
            self.aws.lease, self.clock, self.lease, seconds=self.settings.deploy.lease_seconds, progress=self.progress
        )
        while (fleet := look(self.settings, self.aws)) is not None and not fleet.settled:
            tenure.wait(self.settings.aws.poll_seconds, f"AWS says {fleet.status}")

    def _drive(self, known_rows: list[dict[str, object]]) -> Finish:
        standing = self.journal.standing
        strategy = standing.opened.strategy if standing.opened else self.settings.deploy.strategy
        config = self.settings.deploy.model_copy(update={"strategy": strategy})
        job = Job(
            endpoint=self.settings.endpoint_name,
            rules=self._rules(config),
            strategy=strategy,
            samples=known_rows,
            lease_seconds=config.lease_seconds,
            provision_timeout_seconds=max(config.provision_timeout_seconds, config.native.timeout_seconds),
            guard=_guard(config, self.settings.endpoint_name),
        )
        return Driver(job, self._world(), self.journal, self.lease).run()

    def _rules(self, config: DeployConfig) -> Rules:
        serving, standing = self.settings.serving, self.journal.standing
        kind = standing.rollout.kind if standing.rollout else "deploy"
        return Rules(
            plan=plan_of(config, kind=kind, first=standing.serving is None),
            limits=limits_of(
                config, p50_ms=serving.sla.p50_ms, p95_ms=serving.sla.p95_ms, capture_percent=serving.capture_percent
            ),
            instance_type=serving.instance_type,
            instances=serving.instance_count,
            poll_seconds=self.settings.aws.poll_seconds,
            check_seconds=config.check_seconds,
            traffic_wait_seconds=config.traffic_wait_seconds,
            mirror_percent=config.mirror_percent,
            capture_percent=serving.capture_percent,
        )

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
            clock=self.clock,
            progress=self.progress,
        )

    def _prepare(self, release: Release) -> list[dict[str, object]]:
        """Have AWS know the model, and read from the verified artefact which rows it must answer."""
        self._ensure_model(release)
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

    def _percents(self) -> dict[str, float]:
        fleet = look(self.settings, self.aws)
        return fleet.percents if fleet else {}


@contextmanager
def desk(
    settings: Settings, aws: Aws, author: Author, *, progress: Progress, take_over: bool = False
) -> Iterator[Desk]:
    """Hold the endpoint's lease and open its ledger."""
    clock, endpoint, seconds = SystemClock(), settings.endpoint_name, settings.deploy.lease_seconds
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


def _guard(config: DeployConfig, endpoint: str) -> Guard | None:
    if config.strategy != "native":
        return None
    percent = config.linear_step_percent if config.native.routing == "linear" else config.canary_percent
    return Guard(
        routing=config.native.routing,
        percent=percent,
        wait_seconds=int(config.bake_seconds),
        termination_wait_seconds=int(config.native.termination_wait_seconds),
        timeout_seconds=config.native.timeout_seconds,
        # Alarms belong to one endpoint; the configuration names them without it.
        alarms=tuple(f"{endpoint}-{name}" for name in config.native.alarms),
    )
