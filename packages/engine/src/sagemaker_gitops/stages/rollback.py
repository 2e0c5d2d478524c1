"""rollback: an earlier release serves again; by moving weights while it is on standby, else from its artefact."""

import json
import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sagemaker_gitops.aws.endpoint_shapes import Endpoint
from sagemaker_gitops.aws.registry import REJECTED
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import ConfigurationError, EndpointUnrecovered, RollbackRefused
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.driver import Driver
from sagemaker_gitops.release.lease import Clock
from sagemaker_gitops.release.ledger import Release
from sagemaker_gitops.release.machine import Finish, Result
from sagemaker_gitops.release.session import ReleaseSession, open_ledger, open_session
from sagemaker_gitops.release.state import LedgerState, RollbackPolicy, find, objection
from sagemaker_gitops.release.strategies import NATIVE_VARIANT
from sagemaker_gitops.release.writer import Author, LedgerWriter, NewEntry
from sagemaker_gitops.stages.result import StageResult

_COLD = "10 to 15 minutes on AWS, which brings up a new fleet; the present release serves meanwhile"
_WARM = "seconds: the release is on standby, only weights move"


@dataclass(frozen=True, kw_only=True)
class Options:
    """Where to, why, and who says so; `to` is previous, a version or a commit.

    `unattended` is what an event asks for, which keeps the policy's limits; `alarm` names the one that rang.
    """

    reason: str
    actor: str
    to: str = "previous"
    run: str = ""
    alarm: str = ""
    unattended: bool = False
    force: bool = False
    dry_run: bool = False
    progress: Callable[[str], None] = lambda _: None
    clock: Clock = field(default_factory=Clock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Roll back; a deploy that is under way is taken over and ended."""
    if not options.reason.strip():
        raise ConfigurationError(
            "a rollback needs a reason; it is what an auditor reads",
            where="--reason",
            next_step='say why, for example --reason "refuses good applications since 14:10"',
        )
    author = Author(actor=options.actor, run=options.run)
    ledger = open_ledger(settings, aws, author, clock=options.clock)
    # Before there is a target: an event that asks for a rollback that is not possible is refused in the ledger, too.
    against = _not_now(settings, ledger, options) or _under_way(settings, aws, ledger.state, options)
    if against and not options.force:
        raise _refused(settings, ledger, None, against, options=options)
    target = _target(settings, ledger, options)
    against = against or _unfit(aws, target)
    if against and not options.force:
        raise _refused(settings, ledger, target, against, options=options)
    if options.dry_run:
        return _preview(settings, ledger.state, aws.endpoints.describe(settings.endpoint_name), target)
    reason = f"forced, although {against}: {_asked(options)}" if against else _asked(options)
    progress, clock = options.progress, options.clock
    with open_session(settings, aws, author, progress=progress, take_over=True, clock=clock) as session:
        # Somebody may have begun between the look at the ledger and the lease.
        target = _target(settings, session.ledger, options) if options.unattended else target
        return _roll_back(session, target, options=replace(options, reason=reason))


def _target(settings: Settings, ledger: LedgerWriter, options: Options) -> Release:
    state = ledger.state
    if options.unattended and state.rollout and state.rollout.kind == "rollback":
        return state.rollout.candidate  # whoever began it, maybe a person, has said where to
    if options.to != "previous":
        return _named(settings, ledger, options.to)
    target = state.fallback if state.rollout else state.previous
    if target is None:
        raise RollbackRefused(
            "there is no earlier release to go back to",
            where=f"ledger of {settings.env}",
            next_step=f"pipeline history --env {settings.env}, then name a version with --to",
        )
    return target


def _named(settings: Settings, ledger: LedgerWriter, name: str) -> Release:
    found = find(ledger.entries, name)
    if not found:
        raise RollbackRefused(
            f"no release of version or commit {name!r} has ever served here",
            where=f"ledger of {settings.env}",
            next_step=f"pipeline history --env {settings.env} lists those that did",
        )
    return found[0]


def _not_now(settings: Settings, ledger: LedgerWriter, options: Options) -> str:
    """Say why nothing may be rolled back now, whatever the target; empty when it may."""
    asked_by_event = _untimely(settings, ledger, options) if options.unattended else ""
    return _stale_alarm(settings, ledger.state, options.alarm) or asked_by_event


def _under_way(settings: Settings, aws: Aws, state: LedgerState, options: Options) -> str:
    """Say that somebody is rolling back already, whom an event must not take the lease from."""
    if not options.unattended or state.rollout is None or state.rollout.kind != "rollback":
        return ""
    holder = aws.lease.holder(settings.endpoint_name)
    held = holder is not None and holder.expires > options.clock.now().timestamp()
    return f"{holder.owner} is rolling back to version {state.rollout.candidate.version}" if holder and held else ""


def _stale_alarm(settings: Settings, state: LedgerState, alarm: str) -> str:
    """Say that an alarm is about a variant that no longer serves."""
    # A candidate that its own deploy has rolled back still rings; it must not take its champion down with it.
    named = re.fullmatch(rf"{re.escape(settings.endpoint_name)}-(v\d+-[0-9a-f]{{8}})-\w+", alarm)
    begun = state.rollout is not None and state.rollout.kind == "rollback"
    suspect = state.rollout.candidate if state.rollout else state.serving
    if named is None or suspect is None or begun or named[1] == suspect.variant:
        return ""
    return f"the alarm is about {named[1]}, but {suspect.variant} is what serves"


def _untimely(settings: Settings, ledger: LedgerWriter, options: Options) -> str:
    """Say which of the policy's limits a rollback that no person asked for would break."""
    rollout, policy = ledger.state.rollout, settings.monitor.policy
    if rollout and rollout.kind != "rollback" and not options.alarm:
        return f"version {rollout.candidate.version} is being tried, and the finding is about the one before it"
    limits = RollbackPolicy(cooldown=timedelta(minutes=policy.cooldown_minutes), maximum_per_day=policy.maximum_per_day)
    return objection(ledger.entries, ledger.state, limits, now=options.clock.now())


def _unfit(aws: Aws, target: Release) -> str:
    """Say why a release must not serve; empty for one that passed its gates and was not revoked."""
    model = aws.registry.describe(target.version)
    if model.status == REJECTED:
        return f"version {target.version} was revoked: {model.approval or 'no reason was given'}"
    return "" if model.gates == "passed" else f"version {target.version} failed its gates"


def _asked(options: Options) -> str:
    return f"alarm {options.alarm}: {options.reason}" if options.alarm else options.reason


def _refused(
    settings: Settings, ledger: LedgerWriter, target: Release | None, against: str, *, options: Options
) -> RollbackRefused:
    if not options.dry_run:
        ledger.write(
            NewEntry(
                action="refuse", outcome="refused", release=target, reason=f"rollback: {against} ({_asked(options)})"
            )
        )
    return RollbackRefused(
        against,
        where=target.package if target else f"ledger of {settings.env}",
        next_step=f"choose another version, or repeat with --force; the ledger of {settings.env} keeps the reason",
    )


def _roll_back(session: ReleaseSession, target: Release, *, options: Options) -> StageResult:
    driver, started, reason = Driver(session), session.clock.now(), options.reason
    warm = _warm(session.describe(), target)
    if not warm:
        options.progress(f"cold: version {target.version} is no longer on the endpoint; {_COLD}")
    # An interrupted rollback to the same release is continued, everything else that is open is ended.
    rollout = session.state.rollout
    continued = rollout and rollout.kind == "rollback" and rollout.candidate.same_as(target) and not rollout.abort
    if rollout and not continued:
        # Its end in favour of what served before is what was asked, whatever the reason that stands in the ledger.
        _require(session, driver.abandon(f"rolled back by {options.actor}: {reason}"), ends={"promoted", "rolled_back"})
    if session.state.rollout or not _serves(session, target):
        _require(session, driver.roll_out("rollback", target, reason=reason), ends={"promoted"})
    else:
        session.publish()
    seconds = (session.clock.now() - started).total_seconds()
    return _result(session.settings, target, warm=warm, seconds=seconds)


def _serves(session: ReleaseSession, target: Release) -> bool:
    endpoint = session.describe()
    return target.same_as(session.state.serving) and endpoint is not None and endpoint.percent_of(target.model) == 100


def _warm(endpoint: Endpoint | None, target: Release) -> bool:
    return endpoint is not None and not endpoint.broken and endpoint.variant_of(target.model) is not None


def _require(session: ReleaseSession, finish: Finish | None, *, ends: Collection[Result]) -> None:
    if finish is None or finish.result in ends:
        return
    raise EndpointUnrecovered(
        f"the rollback did not succeed: {finish.reason}",
        where=f"endpoint {session.name}",
        next_step=f"pipeline history --env {session.settings.env}; then roll back to another version with --to",
    )


def _preview(settings: Settings, state: LedgerState, endpoint: Endpoint | None, target: Release) -> StageResult:
    warm = _warm(endpoint, target)
    now, then = endpoint.percents if endpoint else {}, _shares_after(settings, state, endpoint, target)
    rows = [f"| {name} | {_share(now, name)} | {_share(then, name)} |" for name in {**now, **then}]
    unfinished = ""
    if state.rollout:
        unfinished = f"\nThe unfinished {state.rollout.kind} of version {state.rollout.candidate.version} ends."
    return StageResult(
        summary="\n".join(
            [
                "### rollback --dry-run",
                f"Version **{target.version}** would serve `{settings.env}` again ({'warm' if warm else 'cold'}).",
                f"It takes {_WARM if warm else _COLD}.{unfinished}\n",
                "| variant | now | then |",
                "|---|---|---|",
                *rows,
                "\nNothing was changed.",
            ]
        ),
        outputs={
            "version": str(target.version),
            "warm": str(warm).lower(),
            "changed": "false",
            "traffic": json.dumps(then),
        },
    )


def _shares_after(
    settings: Settings, state: LedgerState, endpoint: Endpoint | None, target: Release
) -> dict[str, float]:
    """Return each variant's share of traffic after the rollback; a variant that would be gone is not named."""
    if settings.deploy.strategy == "native":
        return {NATIVE_VARIANT: 100.0}
    serving = state.serving
    if target.same_as(serving) and endpoint and not endpoint.shadow and endpoint.variant_of(target.model):
        return dict.fromkeys(endpoint.percents, 0.0) | {target.variant: 100.0}
    if serving is None or target.same_as(serving):
        return {target.variant: 100.0}
    return {serving.variant: 0.0, target.variant: 100.0}


def _share(shares: Mapping[str, float], name: str) -> str:
    return f"{shares[name]:g} %" if name in shares else "not there"


def _result(settings: Settings, target: Release, *, warm: bool, seconds: float) -> StageResult:
    how = "warm: weights moved" if warm else "cold: a new fleet was brought up"
    return StageResult(
        summary=f"### rollback\nVersion **{target.version}** serves 100 % of traffic in `{settings.env}` again "
        f"after {seconds:.1f} s ({how}).",
        outputs={
            "version": str(target.version),
            "fingerprint": target.fingerprint,
            "warm": str(warm).lower(),
            "seconds": f"{seconds:.1f}",
        },
    )
