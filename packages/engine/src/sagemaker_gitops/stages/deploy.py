"""deploy: bring a registered version to an environment's endpoint, step by watched step."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sagemaker_gitops.aws.registry import REJECTED, RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import CandidateRejected, EndpointUnrecovered, ForeignEndpoint, GateFailed, NotApproved
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.actions import Finish
from sagemaker_gitops.release.journal import Author, Line
from sagemaker_gitops.release.ledger import Entry
from sagemaker_gitops.release.ports import Clock, SystemClock
from sagemaker_gitops.release.session import Desk, desk, look, notebook, release_of
from sagemaker_gitops.release.state import Fleet, Release
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which version, and who brings it in which run."""

    version: int
    actor: str
    run: str = ""
    approver: str = ""
    reason: str = ""
    progress: Callable[[str], None] = lambda _: None
    clock: Clock = field(default_factory=SystemClock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Deploy a version; continue where a former run of the same deploy stopped."""
    model = aws.registry.describe(options.version)
    release = release_of(settings, model)
    author = Author(actor=options.actor, approver=options.approver or _approver(model), run=options.run)
    _permit(settings, aws, model, release, author=author)
    with desk(settings, aws, author, progress=options.progress, clock=options.clock) as work:
        fleet = look(settings, aws)
        _refuse_foreign(work, fleet, settings.endpoint_name)
        if _serves(work, fleet, release):
            aws.endpoints.tag(settings.endpoint_name, release.tags)
            work.furnish()
            work.point()
            return _unchanged(settings, release)
        finish = work.carry_out("deploy", release, reason=options.reason)
        return _result(settings, work, release, finish)


def _approver(model: RegisteredModel) -> str:
    # The registry keeps "who: why"; who may be an ARN, which has colons and no space.
    return model.approval.partition(": ")[0] if model.approved else ""


def _permit(settings: Settings, aws: Aws, model: RegisteredModel, release: Release, *, author: Author) -> None:
    refusal = _refusal(settings, model)
    if refusal is None:
        return
    note = Line(action="refuse", outcome="refused", release=release, reason=refusal.what)
    notebook(settings, aws, author).write(note)
    raise refusal


def _refusal(settings: Settings, model: RegisteredModel) -> GateFailed | NotApproved | None:
    if model.gates != "passed":
        return GateFailed(
            f"version {model.version} has not passed its gates",
            where=model.arn,
            next_step="run `pipeline test`, then register it again",
        )
    if model.status == REJECTED:
        return NotApproved(
            f"version {model.version} was revoked: {model.approval or 'no reason was given'}",
            where=model.arn,
            next_step="deploy another version, or approve this one again",
        )
    if settings.approval.required and not model.approved:
        return NotApproved(
            f"version {model.version} is {model.status}; {settings.env} takes approved versions only",
            where=model.arn,
            next_step=f'pipeline approve --env {settings.env} --version {model.version} --reason "…"',
        )
    return None


def _refuse_foreign(work: Desk, fleet: Fleet | None, endpoint: str) -> None:
    standing = work.journal.standing
    if fleet is not None and standing.serving is None and standing.rollout is None:
        raise ForeignEndpoint(
            f"the endpoint serves {', '.join(fleet.percents)}, but the ledger knows of no release",
            where=f"endpoint {endpoint}",
            next_step="delete the endpoint if it is nobody's; this pipeline then creates its own",
        )


def _serves(work: Desk, fleet: Fleet | None, release: Release) -> bool:
    standing = work.journal.standing
    if fleet is None or standing.rollout is not None or not release.same_as(standing.serving):
        return False
    return fleet.settled and fleet.percent(release) == 100


def _unchanged(settings: Settings, release: Release) -> StageResult:
    return StageResult(
        summary=f"### deploy\nVersion **{release.version}** already serves `{settings.env}`; nothing was changed.",
        outputs=_outputs(settings, release, changed=False),
    )


def _result(settings: Settings, work: Desk, release: Release, finish: Finish) -> StageResult:
    if finish.result == "promoted":
        seconds = _seconds(work.journal.entries)
        strategy = work.journal.entries[-1].strategy
        return StageResult(
            summary=(
                f"### deploy\nVersion **{release.version}** answers all callers of `{settings.env}` "
                f"after {seconds:.1f} s ({strategy}).\n\n{_story(work.journal.entries)}"
            ),
            outputs=_outputs(settings, release, changed=True),
        )
    raise _failure(settings, work, release, finish)


def _failure(
    settings: Settings, work: Desk, release: Release, finish: Finish
) -> CandidateRejected | EndpointUnrecovered:
    if finish.result == "failed":
        return EndpointUnrecovered(
            finish.reason,
            where=f"endpoint {settings.endpoint_name}",
            next_step=f"pipeline reconcile --env {settings.env} --apply",
        )
    champion = work.journal.standing.serving
    error = CandidateRejected(
        f"version {release.version} was rolled back: {finish.reason}",
        where=f"endpoint {settings.endpoint_name}: {_exposure(work.journal.entries)}; "
        f"{f'version {champion.version} serves' if champion else 'nothing serves, as before'}",
        next_step="read the ledger with `pipeline history`, correct the model, deploy the next version",
    )
    error.summary = f"### deploy\nVersion **{release.version}** was rolled back.\n\n{_story(work.journal.entries)}"
    return error


def _exposure(entries: list[Entry]) -> str:
    shares = [
        (entry.finished, max(entry.after.get(entry.release.variant, 0), 0))
        for entry in _last(entries)
        if entry.action == "step" and entry.outcome == "succeeded" and entry.release
    ]
    exposed: list[tuple[datetime, float]] = [(moment, share) for moment, share in shares if share > 0]
    if not exposed:
        return "no caller was answered by it"
    seconds = (entries[-1].finished - exposed[0][0]).total_seconds()
    return f"it answered up to {max(share for _, share in exposed):g} % of callers for {seconds:.1f} s"


def _seconds(entries: list[Entry]) -> float:
    return (entries[-1].finished - _last(entries)[0].started).total_seconds()


def _last(entries: list[Entry]) -> list[Entry]:
    """Cut out the rollout that ended last."""
    openings = [place for place, entry in enumerate(entries) if entry.action == "deploy" and entry.outcome == "started"]
    return entries[openings[-1] :] if openings else entries


def _story(entries: list[Entry]) -> str:
    rows = [
        f"| {entry.sequence} | {entry.finished:%H:%M:%S} | {entry.action} {entry.outcome} | {entry.reason} | "
        f"{', '.join(f'{name} {share:g} %' for name, share in entry.after.items())} |"
        for entry in _last(entries)
    ]
    return "\n".join(["| entry | UTC | what | why | traffic |", "|---|---|---|---|---|", *rows])


def _outputs(settings: Settings, release: Release, *, changed: bool) -> dict[str, str]:
    return {
        "endpoint": settings.endpoint_name,
        "version": str(release.version),
        "variant": release.variant,
        "fingerprint": release.fingerprint,
        "changed": str(changed).lower(),
    }
