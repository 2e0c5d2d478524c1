"""clean: retire expired standbys, and say what they cost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sagemaker_gitops.aws.endpoint_shapes import Endpoint, Variant
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import EndpointUnrecovered
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.driver import Driver
from sagemaker_gitops.release.lease import Clock
from sagemaker_gitops.release.ledger import Release
from sagemaker_gitops.release.session import open_ledger, open_session
from sagemaker_gitops.release.state import LedgerState
from sagemaker_gitops.release.writer import Author
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who cleans."""

    actor: str
    run: str = ""
    progress: Callable[[str], None] = lambda _: None
    clock: Clock = field(default_factory=Clock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Bring up a fleet without the expired standbys; callers notice nothing."""
    author = Author(actor=options.actor, run=options.run)
    state = open_ledger(settings, aws, author, clock=options.clock).state
    endpoint, now = aws.endpoints.describe(settings.endpoint_name), options.clock.now()
    idle = _idle(endpoint, state.serving)
    if state.serving is None or state.rollout or not idle:
        return _nothing(settings, "there is no standby to retire")
    since = state.closed.finished if state.closed else now
    until = since + timedelta(hours=settings.deploy.standby_hours)
    if now < until:
        names = ", ".join(item.name for item in idle)
        return _nothing(settings, f"{names} stays on standby until {until:%Y-%m-%d %H:%M} UTC")
    return _retire(settings, aws, state, idle, since=since, options=options)


def _idle(endpoint: Endpoint | None, serving: Release | None) -> list[Variant]:
    if endpoint is None or serving is None:
        return []
    return [item for item in endpoint.variants if item.model != serving.model]


def _retire(
    settings: Settings, aws: Aws, state: LedgerState, idle: list[Variant], *, since: datetime, options: Options
) -> StageResult:
    author = Author(actor=options.actor, run=options.run)
    names = ", ".join(item.name for item in idle)
    with open_session(settings, aws, author, progress=options.progress, clock=options.clock) as session:
        if state.serving is None or session.state.sequence != state.sequence:
            return _nothing(settings, "a release came in between")
        cost = _cost(settings, idle, hours=(session.clock.now() - since).total_seconds() / 3600)
        finish = Driver(session).roll_out("clean", state.serving, reason=f"standby of {names} expired: {cost}")
        if finish.result != "promoted":
            raise EndpointUnrecovered(
                f"the standby could not be retired: {finish.reason}",
                where=f"endpoint {settings.endpoint_name}",
                next_step=f"pipeline reconcile --env {settings.env}",
            )
    return StageResult(
        summary=f"### clean\n{names} is retired from `{settings.env}`; it cost {cost}. "
        "A rollback to it is cold from now on.",
        outputs={"retired": names, "cost": cost},
    )


def _cost(settings: Settings, idle: list[Variant], *, hours: float) -> str:
    total = hours * sum(item.instances for item in idle)
    usage = f"{total:.1f} instance hours of {idle[0].instance_type}"
    price = settings.deploy.instance_price_per_hour
    return f"{usage}, {total * price:.2f} USD" if price is not None else usage


def _nothing(settings: Settings, why: str) -> StageResult:
    return StageResult(summary=f"### clean\nNothing to do in `{settings.env}`: {why}.", outputs={"retired": ""})
