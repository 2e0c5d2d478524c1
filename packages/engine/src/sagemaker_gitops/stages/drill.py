"""drill: roll an environment back and forward again, measure both, and keep the times."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import ConfigurationError, DrillTooSlow, EndpointUnrecovered, RollbackRefused
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.driver import Driver
from sagemaker_gitops.release.lease import Clock
from sagemaker_gitops.release.ledger import Outcome, Release
from sagemaker_gitops.release.session import ReleaseSession, open_session
from sagemaker_gitops.release.state import RolloutKind
from sagemaker_gitops.release.writer import Author, NewEntry
from sagemaker_gitops.stages.result import StageResult

# What a regulator is promised: the former release serves again within this time.
_PROMISE_SECONDS = 300


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who drills."""

    actor: str
    run: str = ""
    progress: Callable[[str], None] = lambda _: None
    clock: Clock = field(default_factory=Clock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Roll back and forward; the environment ends as it was."""
    if settings.env == "prod":
        raise ConfigurationError(
            "a drill moves all traffic to another release; prod is not the place to practise",
            where="--env",
            next_step="pipeline drill --env staging",
        )
    author = Author(actor=options.actor, run=options.run)
    with open_session(settings, aws, author, progress=options.progress, clock=options.clock) as session:
        present, former = _releases(session)
        endpoint = session.describe()
        warm = endpoint is not None and endpoint.variant_of(former.model) is not None
        back = _measure(session, "rollback", former)
        forward = _measure(session, "deploy", present)
        return _conclude(session, former, back=back, forward=forward, warm=warm)


def _releases(session: ReleaseSession) -> tuple[Release, Release]:
    state, env = session.state, session.settings.env
    if state.rollout is not None:
        raise RollbackRefused(
            f"the {state.rollout.kind} of version {state.rollout.candidate.version} is unfinished",
            where=f"ledger of {env}",
            next_step="finish it by running it again, then drill",
        )
    if state.serving is None or state.previous is None:
        raise RollbackRefused(
            "a drill needs two releases, one to come from and one to go back to",
            where=f"ledger of {env}",
            next_step=f"deploy a second version to {env} first",
        )
    return state.serving, state.previous


def _measure(session: ReleaseSession, kind: RolloutKind, release: Release) -> float:
    started = session.clock.now()
    finish = Driver(session).roll_out(kind, release, reason="drill", strategy="all_at_once")
    if finish.result != "promoted":
        raise EndpointUnrecovered(
            f"the drill stopped: {finish.reason}",
            where=f"endpoint {session.name}",
            next_step=f"pipeline history --env {session.settings.env}; this is what drills are for",
        )
    return (session.clock.now() - started).total_seconds()


def _conclude(session: ReleaseSession, former: Release, *, back: float, forward: float, warm: bool) -> StageResult:
    times = f"{'warm' if warm else 'cold'} rollback in {back:.1f} s, forward in {forward:.1f} s"
    late = back > _PROMISE_SECONDS
    outcome: Outcome = "failed" if late else "succeeded"
    session.ledger.write(NewEntry(action="drill", outcome=outcome, release=former, reason=times))
    if late:
        raise DrillTooSlow(
            f"{times}; {_PROMISE_SECONDS} s are promised",
            where=f"endpoint {session.name}",
            next_step="raise deploy.standby_hours, so that the former release is still on standby",
        )
    return StageResult(
        summary=f"### drill\n`{session.settings.env}`: {times}; version {former.version} served in between.",
        outputs={"rollback_seconds": f"{back:.1f}", "forward_seconds": f"{forward:.1f}", "warm": str(warm).lower()},
    )
