"""reconcile: compare what is declared with what serves; report every difference, or repair it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sagemaker_gitops.aws.registry import REJECTED
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import EndpointDrifted, EndpointUnrecovered
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release import variants
from sagemaker_gitops.release.driver import Driver
from sagemaker_gitops.release.lease import Clock
from sagemaker_gitops.release.ledger import Release, read
from sagemaker_gitops.release.machine import Finish
from sagemaker_gitops.release.reconcile import Actual, Declared, Difference, differences
from sagemaker_gitops.release.session import ReleaseSession, open_session
from sagemaker_gitops.release.state import LedgerState, fold
from sagemaker_gitops.release.writer import Author, NewEntry
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Whether to repair, and who does."""

    actor: str
    run: str = ""
    apply: bool = False
    progress: Callable[[str], None] = lambda _: None
    clock: Clock = field(default_factory=Clock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Report or repair; a release that is under way is left alone."""
    state, owner = fold(read(aws.ledger)), _alive(settings, aws, options.clock)
    if state.rollout and owner:
        return StageResult(
            summary=f"### reconcile\n`{settings.env}` is being changed by {owner}; nothing was compared.",
            outputs={"differences": "0"},
        )
    # Whoever holds the lease may be between the ledger and its pointer.
    found = _compare(settings, aws, state) if owner else _everything(settings, aws, state)
    if found and not (options.apply or settings.deploy.repair):
        raise _drifted(settings, found)
    return _repair(settings, aws, options=options) if found else _as_declared(settings)


def _as_declared(settings: Settings) -> StageResult:
    return StageResult(summary=f"### reconcile\n`{settings.env}` is what was declared.", outputs={"differences": "0"})


def _alive(settings: Settings, aws: Aws, clock: Clock) -> str:
    holder = aws.lease.holder(settings.endpoint_name)
    return holder.owner if holder and holder.expires > clock.now().timestamp() else ""


def _everything(settings: Settings, aws: Aws, state: LedgerState) -> list[Difference]:
    return [*_compare(settings, aws, state), *_wrongly_published(settings, aws, state)]


def _compare(settings: Settings, aws: Aws, state: LedgerState) -> list[Difference]:
    endpoint = aws.endpoints.describe(settings.endpoint_name)
    declared = Declared(
        serving=state.serving,
        known=state.known,
        instance_type=settings.serving.instance_type,
        instances=settings.serving.fewest,
        most_instances=settings.serving.most,
        capture_percent=settings.serving.capture_percent,
        scaling=variants.describe_scaling(variants.declared_scaling(settings)),
        alarms=variants.alarm_names(settings, endpoint),
    )
    actual = Actual(
        endpoint=endpoint,
        tags=aws.endpoints.tags(settings.endpoint_name) if endpoint else {},
        alarms=aws.metrics.alarms(f"{settings.endpoint_name}-"),
        scaling={
            name: variants.describe_scaling(scale) for name, scale in aws.scaling.of(settings.endpoint_name).items()
        },
    )
    found = differences(declared, actual, expected_alarms=_guardrail_alarms(settings))
    return [*_unfinished(state), *_revoked(aws, state), *found]


def _guardrail_alarms(settings: Settings) -> tuple[str, ...]:
    names = settings.deploy.native.alarms if settings.deploy.strategy == "native" else ()
    return tuple(f"{settings.endpoint_name}-{name}" for name in names)


def _unfinished(state: LedgerState) -> list[Difference]:
    if state.rollout is None:
        return []
    tried = f"{state.rollout.kind} of {state.rollout.candidate.variant} was left unfinished"
    return [Difference(what="release", declared="promoted or rolled back", actual=tried, fix="weights")]


def _wrongly_published(settings: Settings, aws: Aws, state: LedgerState) -> list[Difference]:
    published = state.wrongly_published(aws.pointers.read(settings.endpoint_name))
    if state.active is None or not published:
        return []
    return [Difference(what="pointer", declared=state.active.variant, actual=published, fix="pointer")]


def _revoked(aws: Aws, state: LedgerState) -> list[Difference]:
    model = aws.registry.describe(state.serving.version) if state.serving else None
    if model is None or model.status != REJECTED:
        return []
    actual = f"version {model.version} was revoked: {model.approval or 'no reason was given'}"
    return [Difference(what="release", declared="not revoked", actual=actual, fix="none")]


def _drifted(settings: Settings, found: list[Difference]) -> EndpointDrifted:
    lines = [f"{item.what}: declared {item.declared}, is {item.actual}" for item in found]
    error = EndpointDrifted(
        f"{len(found)} differences between what is declared and what is:\n    " + "\n    ".join(lines),
        where=f"endpoint {settings.endpoint_name}",
        next_step=f"pipeline reconcile --env {settings.env} --apply repairs what can be repaired",
    )
    error.summary = f"### reconcile\n{_table(found)}"
    return error


def _repair(settings: Settings, aws: Aws, *, options: Options) -> StageResult:
    author = Author(actor=options.actor, run=options.run)
    with open_session(settings, aws, author, progress=options.progress, clock=options.clock) as session:
        # A change that is under way may be what differs, or make another difference.
        session.settle()
        found = _everything(settings, aws, session.state)
        reason = "; ".join(f"{item.what} was {item.actual} instead of {item.declared}" for item in found)
        _fix(session, {item.fix for item in found}, reason=reason)
        left = _everything(settings, aws, session.state)
    if not found:
        return _as_declared(settings)
    if any(item.fix != "none" for item in left):
        raise _drifted(settings, left)
    remains = f"\n\nWhat this command cannot repair:\n\n{_table(left)}" if left else ""
    return StageResult(
        summary=f"### reconcile\nRepaired, and written to the ledger:\n\n{_table(found)}{remains}",
        outputs={"differences": str(len(found)), "left": str(len(left))},
    )


def _fix(session: ReleaseSession, fixes: set[str], *, reason: str) -> None:
    driver = Driver(session)
    if session.state.rollout:
        _require(session, driver.abandon(f"reconcile: {reason}"))
    elif "weights" in fixes and "fleet" not in fixes:
        _require(session, driver.restore(reason))
    serving = session.state.serving
    if serving is None:
        return
    if "fleet" in fixes:
        _require(session, driver.roll_out("repair", serving, reason=reason))
    repaired = NewEntry(action="repair", outcome="succeeded", release=serving, reason=reason)
    if "size" in fixes:
        _resize(session, serving)
        session.ledger.write(repaired)
    if fixes & {"tags", "sync", "pointer"}:
        session.aws.endpoints.tag(session.name, serving.tags)
        session.sync_alarms_and_scaling()
        session.publish()
        session.ledger.write(repaired)


def _resize(session: ReleaseSession, serving: Release) -> None:
    declared, endpoint = session.settings.serving, session.describe()
    for item in endpoint.production if endpoint else ():
        most = None if item.model == serving.model else declared.most  # who serves may have grown
        if item.instances < declared.fewest or (most is not None and item.instances > most):
            session.resize(item.name, declared.instance_count)


def _require(session: ReleaseSession, finish: Finish | None) -> None:
    if finish is not None and finish.result == "failed":
        raise EndpointUnrecovered(
            f"the repair did not succeed: {finish.reason}",
            where=f"endpoint {session.name}",
            next_step="read the endpoint's events in the console; a person is needed",
        )


def _table(found: list[Difference]) -> str:
    rows = "\n".join(f"| {item.what} | {item.declared} | {item.actual} |" for item in found)
    return f"| what | declared | actual |\n|---|---|---|\n{rows}"
