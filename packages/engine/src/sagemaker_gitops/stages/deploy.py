"""deploy: bring a registered version to an environment's endpoint, step by watched step."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from sagemaker_gitops.aws.endpoint_shapes import Endpoint
from sagemaker_gitops.aws.registry import REJECTED, RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import (
    CandidateRejected,
    ConfigurationError,
    EndpointUnrecovered,
    ForeignEndpoint,
    GateFailed,
    NotApproved,
    ReleaseFrozen,
)
from sagemaker_gitops.project.deploy_config import DeployConfig
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.driver import Driver
from sagemaker_gitops.release.lease import Clock
from sagemaker_gitops.release.ledger import Entry, Release
from sagemaker_gitops.release.machine import Finish
from sagemaker_gitops.release.session import ReleaseSession, open_ledger, open_session, release_of, serves
from sagemaker_gitops.release.strategies import longest_seconds, plan_deploy
from sagemaker_gitops.release.writer import Author, NewEntry
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
    clock: Clock = field(default_factory=Clock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Deploy a version; continue where a former run of the same deploy stopped."""
    _refuse_to_outlive_credentials(settings.deploy)
    model = aws.registry.describe(options.version)
    release = release_of(settings, model)
    author = Author(actor=options.actor, approver=options.approver or _approver(model), run=options.run)
    _permit(settings, aws, model, release, author=author)
    _keep_freeze(settings, aws, release, author=author, clock=options.clock)
    with open_session(settings, aws, author, progress=options.progress, clock=options.clock) as session:
        endpoint = session.describe()
        _refuse_foreign(session, endpoint)
        if serves(session.state, endpoint, release):
            aws.endpoints.tag(session.name, release.tags)
            session.sync_alarms_and_scaling()
            session.publish()
            return _unchanged(settings, release)
        finish = Driver(session).roll_out("deploy", release, reason=options.reason)
        return _result(session, release, finish)


def _refuse_to_outlive_credentials(config: DeployConfig) -> None:
    longest = longest_seconds(config, plan_deploy(config, first=False))
    if longest > config.session_seconds:
        raise ConfigurationError(
            f"a release by {config.strategy} may take {longest:g} s, and its credentials end after "
            f"{config.session_seconds:g} s: it could not go back by itself any more",
            where="deploy",
            next_step="lower bake_seconds, traffic_wait_seconds or provision_timeout_seconds, take fewer steps, "
            "or raise session_seconds if the credentials in use last longer",
        )


def _approver(model: RegisteredModel) -> str:
    # The registry keeps "who: why"; who may be an ARN, which has colons and no space.
    return model.approval.partition(": ")[0] if model.approved else ""


def _permit(settings: Settings, aws: Aws, model: RegisteredModel, release: Release, *, author: Author) -> None:
    refusal = _refusal(settings, model)
    if refusal is None:
        return
    entry = NewEntry(action="refuse", outcome="refused", release=release, reason=refusal.what)
    open_ledger(settings, aws, author).write(entry)
    raise refusal


def _keep_freeze(settings: Settings, aws: Aws, release: Release, *, author: Author, clock: Clock) -> None:
    """Stop what would begin in a freeze of prod; half a release is worse than a whole one, so what began may end."""
    frozen = settings.freeze.at(clock.now()) if settings.env == "prod" else None
    ledger = open_ledger(settings, aws, author, clock=clock)
    if frozen is None or (ledger.state.rollout and release.same_as(ledger.state.rollout.candidate)):
        return
    ledger.write(NewEntry(action="refuse", outcome="refused", release=release, reason=str(frozen)))
    raise ReleaseFrozen(
        str(frozen),
        where="infra/config/freeze.json",
        next_step="run the job again afterwards; what cannot wait changes the file, which needs its owners' review",
    )


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


def _refuse_foreign(session: ReleaseSession, endpoint: Endpoint | None) -> None:
    if endpoint is not None and session.state.serving is None and session.state.rollout is None:
        raise ForeignEndpoint(
            f"the endpoint serves {', '.join(endpoint.percents)}, but the ledger knows of no release",
            where=f"endpoint {session.name}",
            next_step="delete the endpoint if it is nobody's; this pipeline then creates its own",
        )


def _unchanged(settings: Settings, release: Release) -> StageResult:
    return StageResult(
        summary=f"### deploy\nVersion **{release.version}** already serves `{settings.env}`; nothing was changed.",
        outputs=_outputs(settings, release, changed=False),
    )


def _result(session: ReleaseSession, release: Release, finish: Finish) -> StageResult:
    if finish.result != "promoted":
        raise _failure(session, release, finish)
    entries, env = session.ledger.entries, session.settings.env
    return StageResult(
        summary=f"### deploy\nVersion **{release.version}** serves 100 % of traffic in `{env}` "
        f"after {_seconds(entries):.1f} s ({entries[-1].strategy}).\n\n{_table(entries)}",
        outputs=_outputs(session.settings, release, changed=True),
    )


def _failure(session: ReleaseSession, release: Release, finish: Finish) -> CandidateRejected | EndpointUnrecovered:
    if finish.result == "failed":
        return EndpointUnrecovered(
            finish.reason,
            where=f"endpoint {session.name}",
            next_step=f"pipeline reconcile --env {session.settings.env} --apply",
        )
    champion, entries = session.state.serving, session.ledger.entries
    error = CandidateRejected(
        f"version {release.version} was rolled back: {finish.reason}",
        where=f"endpoint {session.name}: {_exposure(entries)}; "
        f"{f'version {champion.version} serves' if champion else 'nothing serves, as before'}",
        next_step="read the ledger with `pipeline history`, correct the model, deploy the next version",
    )
    error.summary = f"### deploy\nVersion **{release.version}** was rolled back.\n\n{_table(entries)}"
    return error


def _exposure(entries: list[Entry]) -> str:
    shares = [
        (entry.finished, max(entry.after.get(entry.release.variant, 0), 0))
        for entry in _last(entries)
        if entry.action == "step" and entry.outcome == "succeeded" and entry.release
    ]
    exposed: list[tuple[datetime, float]] = [(moment, share) for moment, share in shares if share > 0]
    if not exposed:
        return "it served no traffic"
    seconds = (entries[-1].finished - exposed[0][0]).total_seconds()
    return f"it served up to {max(share for _, share in exposed):g} % of traffic for {seconds:.1f} s"


def _seconds(entries: list[Entry]) -> float:
    return (entries[-1].finished - _last(entries)[0].started).total_seconds()


def _last(entries: list[Entry]) -> list[Entry]:
    """Cut out the rollout that ended last."""
    openings = [index for index, entry in enumerate(entries) if entry.action == "deploy" and entry.outcome == "started"]
    return entries[openings[-1] :] if openings else entries


def _table(entries: list[Entry]) -> str:
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
