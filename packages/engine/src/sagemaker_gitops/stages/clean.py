"""clean: retire standbys whose time is over, and say what they cost."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import EndpointUnrecovered
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.history import Standing
from sagemaker_gitops.release.journal import Author
from sagemaker_gitops.release.ports import Clock, SystemClock
from sagemaker_gitops.release.session import desk, look, notebook
from sagemaker_gitops.release.state import Fleet, Release, VariantView
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who cleans."""

    actor: str
    run: str = ""
    progress: Callable[[str], None] = lambda _: None
    clock: Clock = field(default_factory=SystemClock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Bring up a fleet without the expired standbys; callers notice nothing."""
    author = Author(actor=options.actor, run=options.run)
    standing = notebook(settings, aws, author, clock=options.clock).standing
    fleet, now = look(settings, aws), options.clock.now()
    idle = _idle(fleet, standing.serving)
    if standing.serving is None or standing.rollout or not idle:
        return _nothing(settings, "there is no standby to retire")
    since = standing.closed.finished if standing.closed else now
    until = since + timedelta(hours=settings.deploy.standby_hours)
    if now < until:
        names = ", ".join(item.name for item in idle)
        return _nothing(settings, f"{names} stays on standby until {until:%Y-%m-%d %H:%M} UTC")
    return _retire(settings, aws, standing, idle, since=since, options=options)


def _idle(fleet: Fleet | None, serving: Release | None) -> list[VariantView]:
    if fleet is None or serving is None:
        return []
    every = (*fleet.production, *fleet.shadow)
    return [item for item in every if item.model != serving.model]


def _retire(
    settings: Settings, aws: Aws, standing: Standing, idle: list[VariantView], *, since: datetime, options: Options
) -> StageResult:
    author = Author(actor=options.actor, run=options.run)
    names = ", ".join(item.name for item in idle)
    with desk(settings, aws, author, progress=options.progress, clock=options.clock) as work:
        if standing.serving is None or work.journal.standing.sequence != standing.sequence:
            return _nothing(settings, "a release came in between")
        cost = _cost(settings, idle, hours=(work.clock.now() - since).total_seconds() / 3600)
        finish = work.carry_out("clean", standing.serving, reason=f"standby of {names} is over: {cost}")
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


def _cost(settings: Settings, idle: list[VariantView], *, hours: float) -> str:
    total = hours * sum(item.instances for item in idle)
    machines = f"{total:.1f} instance hours of {idle[0].instance_type}"
    price = settings.deploy.instance_price_per_hour
    return f"{machines}, {total * price:.2f} USD" if price is not None else machines


def _nothing(settings: Settings, why: str) -> StageResult:
    return StageResult(summary=f"### clean\nNothing to do in `{settings.env}`: {why}.", outputs={"retired": ""})
