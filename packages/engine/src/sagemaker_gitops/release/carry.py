"""Opening, continuing and ending rollouts of one endpoint, while its lease is held."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from sagemaker_gitops.project.deploy_config import DeployConfig
from sagemaker_gitops.release.actions import Finish
from sagemaker_gitops.release.drive import Driver, Job, World
from sagemaker_gitops.release.journal import Journal, Line
from sagemaker_gitops.release.machine import RolloutKind, Rules
from sagemaker_gitops.release.pointer import Pointer
from sagemaker_gitops.release.ports import Guard, LeaseView
from sagemaker_gitops.release.rules import limits_of, plan_of
from sagemaker_gitops.release.state import Fleet, Release

Rows = Sequence[Mapping[str, object]]

# What a new release comes to serve by; repairing and cleaning keep the one that serves.
_PROMOTING = frozenset({"deploy", "rollback"})


@dataclass(frozen=True, kw_only=True)
class Site:
    """One endpoint and how it is configured; latencies are the service level in milliseconds."""

    endpoint: str
    config: DeployConfig
    instance_type: str
    instances: int
    capture_percent: int
    p50_ms: float
    p95_ms: float
    poll_seconds: float


class Carrier:
    """Drives rollouts to their ends, one at a time."""

    def __init__(self, site: Site, world: World, journal: Journal, lease: LeaseView) -> None:
        self._site = site
        self._world = world
        self._journal = journal
        self._lease = lease

    def carry_out(
        self, kind: RolloutKind, candidate: Release, *, reason: str, rows: Rows, strategy: str = ""
    ) -> Finish:
        """Drive one rollout to its end, the unfinished one of a former run included."""
        rollout = self._journal.standing.rollout
        if rollout and (rollout.kind != kind or not rollout.candidate.same_as(candidate)):
            self.abandon(f"{kind} of version {candidate.version} came in its place")
            rollout = None
        if rollout is None and kind in _PROMOTING and candidate.same_as(self._journal.standing.serving):
            return self._keep(candidate, reason)
        if rollout is None:
            self._open(kind, candidate, reason=reason, strategy=strategy)
        return self._drive(rows)

    def point(self) -> None:
        """Tell callers what serves, where a former run died before it did."""
        Pointer(self._world.pointers, self._lease, self._world.progress).follow(self._journal.standing)

    def restore(self, reason: str) -> Finish | None:
        """Give all traffic back to the release that must serve, by the shortest way."""
        standing = self._journal.standing
        if standing.serving and not standing.rollout:
            self._open("repair", standing.serving, reason=reason)
        return self.abandon(reason)

    def abandon(self, reason: str) -> Finish | None:
        """End an unfinished rollout in favour of its champion; None when there is none."""
        rollout = self._journal.standing.rollout
        if rollout is None:
            return None
        if not rollout.abort:
            line = Line(action="abort", outcome="started", release=rollout.candidate, reason=reason)
            self._journal.write(replace(line, before=self._percents()))
        return self._drive([])

    def _keep(self, serving: Release, reason: str) -> Finish:
        """Have the release that must serve answer everybody, if it does not."""
        view = self._world.fleets.describe(self._site.endpoint)
        fleet = Fleet.of(view) if view else None
        if fleet and fleet.settled and not fleet.shadow and fleet.percent(serving) == 100:
            self.point()
            return Finish(result="promoted", reason="it serves already")
        finish = self.restore(reason)
        return finish if finish and finish.result == "failed" else Finish(result="promoted", reason=reason)

    def _open(self, kind: RolloutKind, candidate: Release, *, reason: str, strategy: str = "") -> None:
        line = Line(action=kind, outcome="started", release=candidate, before=self._percents(), reason=reason)
        self._journal.write(replace(line, strategy=strategy or self._site.config.strategy))

    def _drive(self, rows: Rows) -> Finish:
        opened, config = self._journal.standing.opened, self._site.config
        # A rollout ends under the strategy that it began under, whatever the configuration says by now.
        if opened is not None:
            config = config.model_copy(update={"strategy": opened.strategy})
        job = Job(
            endpoint=self._site.endpoint,
            rules=self._rules(config),
            strategy=config.strategy,
            samples=rows,
            lease_seconds=config.lease_seconds,
            provision_timeout_seconds=max(config.provision_timeout_seconds, config.native.timeout_seconds),
            guard=_guard(config, self._site.endpoint),
        )
        return Driver(job, self._world, self._journal, self._lease).run()

    def _rules(self, config: DeployConfig) -> Rules:
        site, standing = self._site, self._journal.standing
        kind = standing.rollout.kind if standing.rollout else "deploy"
        return Rules(
            plan=plan_of(config, kind=kind, first=standing.serving is None),
            limits=limits_of(config, p50_ms=site.p50_ms, p95_ms=site.p95_ms, capture_percent=site.capture_percent),
            instance_type=site.instance_type,
            instances=site.instances,
            poll_seconds=site.poll_seconds,
            check_seconds=config.check_seconds,
            traffic_wait_seconds=config.traffic_wait_seconds,
            mirror_percent=config.mirror_percent,
            capture_percent=site.capture_percent,
        )

    def _percents(self) -> dict[str, float]:
        view = self._world.fleets.describe(self._site.endpoint)
        return Fleet.of(view).percents if view else {}


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
