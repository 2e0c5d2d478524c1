"""reconcile: compare what is declared with what serves; report every difference, or mend it."""

from collections.abc import Callable
from dataclasses import dataclass, field

from sagemaker_gitops.aws.registry import REJECTED
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import EndpointDrifted, EndpointUnrecovered
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release import variants
from sagemaker_gitops.release.actions import Finish
from sagemaker_gitops.release.history import Standing, fold
from sagemaker_gitops.release.journal import Author, Line, read
from sagemaker_gitops.release.pointer import misled
from sagemaker_gitops.release.ports import Clock, SystemClock
from sagemaker_gitops.release.reconcile import Actual, Declared, Difference, differences
from sagemaker_gitops.release.session import Desk, desk, look
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Whether to mend, and who does."""

    actor: str
    run: str = ""
    apply: bool = False
    progress: Callable[[str], None] = lambda _: None
    clock: Clock = field(default_factory=SystemClock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Report or repair; a release that is under way is left alone."""
    standing, owner = fold(read(aws.ledger)), _alive(settings, aws, options.clock)
    if standing.rollout and owner:
        return StageResult(
            summary=f"### reconcile\n`{settings.env}` is being changed by {owner}; nothing was compared.",
            outputs={"differences": "0"},
        )
    # Whoever holds the lease may be between the ledger and its pointer.
    found = [*_compare(settings, aws, standing), *([] if owner else _misled(settings, aws, standing))]
    if not found:
        return StageResult(
            summary=f"### reconcile\n`{settings.env}` is what was declared.", outputs={"differences": "0"}
        )
    if not (options.apply or settings.deploy.repair):
        raise _drifted(settings, found)
    return _repair(settings, aws, found, options=options)


def _alive(settings: Settings, aws: Aws, clock: Clock) -> str:
    holder = aws.lease.holder(settings.endpoint_name)
    return holder.owner if holder and holder.expires > clock.now().timestamp() else ""


def _compare(settings: Settings, aws: Aws, standing: Standing) -> list[Difference]:
    view, fleet = aws.endpoints.describe(settings.endpoint_name), look(settings, aws)
    declared = Declared(
        serving=standing.serving,
        known=standing.known,
        instance_type=settings.serving.instance_type,
        instances=settings.serving.fewest,
        capture_percent=settings.serving.capture_percent,
        scaling=variants.told(settings.serving.autoscaling),
        alarms=variants.alarms(settings, fleet),
    )
    actual = Actual(
        fleet=fleet,
        capture_percent=view.capture_percent if view else 0,
        tags=aws.endpoints.tags(settings.endpoint_name) if view else {},
        alarms=aws.metrics.alarms(f"{settings.endpoint_name}-"),
        scaling={name: variants.told(scale) for name, scale in aws.scaling.of(settings.endpoint_name).items()},
    )
    found = differences(declared, actual, expected_alarms=_guarding(settings))
    return [*_unfinished(standing), *_revoked(aws, standing), *found]


def _guarding(settings: Settings) -> tuple[str, ...]:
    names = settings.deploy.native.alarms if settings.deploy.strategy == "native" else ()
    return tuple(f"{settings.endpoint_name}-{name}" for name in names)


def _unfinished(standing: Standing) -> list[Difference]:
    if standing.rollout is None:
        return []
    tried = f"{standing.rollout.kind} of {standing.rollout.candidate.variant} was left unfinished"
    return [Difference(what="release", declared="promoted or rolled back", actual=tried, remedy="weights")]


def _misled(settings: Settings, aws: Aws, standing: Standing) -> list[Difference]:
    told = misled(standing, aws.pointers.read(settings.endpoint_name))
    if standing.active is None or not told:
        return []
    return [Difference(what="pointer", declared=standing.active.variant, actual=told, remedy="pointer")]


def _revoked(aws: Aws, standing: Standing) -> list[Difference]:
    model = aws.registry.describe(standing.serving.version) if standing.serving else None
    if model is None or model.status != REJECTED:
        return []
    told = f"version {model.version} was revoked: {model.approval or 'no reason was given'}"
    return [Difference(what="release", declared="not revoked", actual=told, remedy="none")]


def _drifted(settings: Settings, found: list[Difference]) -> EndpointDrifted:
    lines = [f"{item.what}: declared {item.declared}, is {item.actual}" for item in found]
    error = EndpointDrifted(
        f"{len(found)} differences between what is declared and what is:\n    " + "\n    ".join(lines),
        where=f"endpoint {settings.endpoint_name}",
        next_step=f"pipeline reconcile --env {settings.env} --apply repairs what can be repaired",
    )
    error.summary = f"### reconcile\n{_table(found)}"
    return error


def _repair(settings: Settings, aws: Aws, found: list[Difference], *, options: Options) -> StageResult:
    reason = "; ".join(f"{item.what} was {item.actual} instead of {item.declared}" for item in found)
    author = Author(actor=options.actor, run=options.run)
    with desk(settings, aws, author, progress=options.progress, clock=options.clock) as work:
        _mend(settings, work, {item.remedy for item in found}, reason=reason)
        standing = work.journal.standing
        left = [*_compare(settings, aws, standing), *_misled(settings, aws, standing)]
    if any(item.remedy != "none" for item in left):
        raise _drifted(settings, left)
    remains = f"\n\nNot for this command to mend:\n\n{_table(left)}" if left else ""
    return StageResult(
        summary=f"### reconcile\nRepaired, and written to the ledger:\n\n{_table(found)}{remains}",
        outputs={"differences": str(len(found)), "left": str(len(left))},
    )


def _mend(settings: Settings, work: Desk, remedies: set[str], *, reason: str) -> None:
    serving = work.journal.standing.serving
    if work.journal.standing.rollout:
        _require(settings, work.abandon(f"reconcile: {reason}"))
        serving = work.journal.standing.serving
    elif "weights" in remedies and "fleet" not in remedies:
        _require(settings, work.restore(reason))
    if serving is None:
        return
    if "fleet" in remedies:
        _require(settings, work.carry_out("repair", serving, reason=reason))
    fleet = look(settings, work.aws)
    if "size" in remedies and fleet and (variant := fleet.variant_of(serving)):
        work.aws.endpoints.resize(settings.endpoint_name, {variant.name: settings.serving.instance_count})
        work.settle()
        work.journal.write(Line(action="repair", outcome="succeeded", release=serving, reason=reason))
    if remedies & {"tags", "furnish", "pointer"}:
        work.aws.endpoints.tag(settings.endpoint_name, serving.tags)
        work.furnish()
        work.point()
        work.journal.write(Line(action="repair", outcome="succeeded", release=serving, reason=reason))


def _require(settings: Settings, finish: Finish | None) -> None:
    if finish is not None and finish.result == "failed":
        raise EndpointUnrecovered(
            f"the repair did not succeed: {finish.reason}",
            where=f"endpoint {settings.endpoint_name}",
            next_step="read the endpoint's events in the console; a person is needed",
        )


def _table(found: list[Difference]) -> str:
    rows = "\n".join(f"| {item.what} | {item.declared} | {item.actual} |" for item in found)
    return f"| what | declared | actual |\n|---|---|---|\n{rows}"
