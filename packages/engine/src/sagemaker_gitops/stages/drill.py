"""drill: roll an environment back and forward again, measure both, and keep the times."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import ConfigurationError, DrillTooSlow, EndpointUnrecovered, RollbackRefused
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.journal import Author, Line
from sagemaker_gitops.release.machine import RolloutKind
from sagemaker_gitops.release.ports import Clock, SystemClock
from sagemaker_gitops.release.session import Desk, desk, look
from sagemaker_gitops.release.state import Release
from sagemaker_gitops.stages.result import StageResult

# What a regulator is promised: the former release answers again within this time.
_PROMISE_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who drills."""

    actor: str
    run: str = ""
    progress: Callable[[str], None] = lambda _: None
    clock: Clock = field(default_factory=SystemClock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Roll back and forward; the environment ends as it was."""
    if settings.env == "prod":
        raise ConfigurationError(
            "a drill moves all traffic to another release; prod is not the place to practise",
            where="--env",
            next_step="pipeline drill --env staging",
        )
    author = Author(actor=options.actor, run=options.run)
    with desk(settings, aws, author, progress=options.progress, clock=options.clock) as work:
        present, former = _releases(settings, work)
        fleet = look(settings, aws)
        warm = fleet is not None and fleet.variant_of(former) is not None
        back = _measure(settings, work, "rollback", former)
        forward = _measure(settings, work, "deploy", present)
        return _conclude(settings, work, former, back=back, forward=forward, warm=warm)


def _releases(settings: Settings, work: Desk) -> tuple[Release, Release]:
    standing = work.journal.standing
    if standing.rollout is not None:
        raise RollbackRefused(
            f"the {standing.rollout.kind} of version {standing.rollout.candidate.version} is unfinished",
            where=f"ledger of {settings.env}",
            next_step="finish it by running it again, then drill",
        )
    if standing.serving is None or standing.previous is None:
        raise RollbackRefused(
            "a drill needs two releases, one to come from and one to go back to",
            where=f"ledger of {settings.env}",
            next_step=f"deploy a second version to {settings.env} first",
        )
    return standing.serving, standing.previous


def _measure(settings: Settings, work: Desk, kind: RolloutKind, release: Release) -> float:
    started = work.clock.now()
    finish = work.carry_out(kind, release, reason="drill", strategy="all_at_once")
    if finish.result != "promoted":
        raise EndpointUnrecovered(
            f"the drill stopped: {finish.reason}",
            where=f"endpoint {settings.endpoint_name}",
            next_step=f"pipeline history --env {settings.env}; this is what drills are for",
        )
    return (work.clock.now() - started).total_seconds()


def _conclude(
    settings: Settings, work: Desk, former: Release, *, back: float, forward: float, warm: bool
) -> StageResult:
    told = f"{'warm' if warm else 'cold'} rollback in {back:.1f} s, forward in {forward:.1f} s"
    late = back > _PROMISE_SECONDS
    work.journal.write(Line(action="drill", outcome="failed" if late else "succeeded", release=former, reason=told))
    if late:
        raise DrillTooSlow(
            f"{told}; {_PROMISE_SECONDS} s are promised",
            where=f"endpoint {settings.endpoint_name}",
            next_step="raise deploy.standby_hours, so that the former release is still on standby",
        )
    return StageResult(
        summary=f"### drill\n`{settings.env}`: {told}; version {former.version} answered in between.",
        outputs={"rollback_seconds": f"{back:.1f}", "forward_seconds": f"{forward:.1f}", "warm": str(warm).lower()},
    )
