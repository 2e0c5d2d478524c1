"""rollback: an earlier release serves again; by moving weights while it is on standby, else from its artefact."""

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta

from sagemaker_gitops.aws.registry import REJECTED
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import ConfigurationError, EndpointUnrecovered, RollbackRefused
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.actions import Finish
from sagemaker_gitops.release.history import Standing, find
from sagemaker_gitops.release.journal import Author, Journal, Line
from sagemaker_gitops.release.limits import Limits, objection
from sagemaker_gitops.release.ports import Clock, SystemClock
from sagemaker_gitops.release.session import Desk, desk, look, notebook
from sagemaker_gitops.release.state import NATIVE_VARIANT, Fleet, Release
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
    clock: Clock = field(default_factory=SystemClock)


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Roll back; a deploy that is under way is taken over and ended."""
    if not options.reason.strip():
        raise ConfigurationError(
            "a rollback needs a reason; it is what an auditor reads",
            where="--reason",
            next_step='say why, for example --reason "refuses good applications since 14:10"',
        )
    author = Author(actor=options.actor, run=options.run)
    notes = notebook(settings, aws, author, clock=options.clock)
    # Before there is a target: an event that asks for what nobody has is a decision, too, and is written down.
    against = _out_of_place(settings, notes, options)
    if against and not options.force:
        raise _refused(settings, notes, None, against, options=options)
    target = _target(settings, notes, options)
    against = against or _unfit(aws, target)
    if against and not options.force:
        raise _refused(settings, notes, target, against, options=options)
    if options.dry_run:
        return _preview(settings, notes.standing, look(settings, aws), target)
    reason = f"forced, although {against}: {_asked(options)}" if against else _asked(options)
    with desk(settings, aws, author, progress=options.progress, take_over=True, clock=options.clock) as work:
        return _roll_back(settings, work, target, options=replace(options, reason=reason))


def _target(settings: Settings, notes: Journal, options: Options) -> Release:
    standing = notes.standing
    if options.to != "previous":
        return _named(settings, notes, options.to)
    wanted = standing.fallback if standing.rollout else standing.previous
    if wanted is None:
        raise RollbackRefused(
            "there is no earlier release to go back to",
            where=f"ledger of {settings.env}",
            next_step=f"pipeline history --env {settings.env}, then name a version with --to",
        )
    return wanted


def _named(settings: Settings, notes: Journal, wanted: str) -> Release:
    found = find(notes.entries, wanted)
    if not found:
        raise RollbackRefused(
            f"no release of version or commit {wanted!r} has ever served here",
            where=f"ledger of {settings.env}",
            next_step=f"pipeline history --env {settings.env} lists those that did",
        )
    return found[0]


def _out_of_place(settings: Settings, notes: Journal, options: Options) -> str:
    """Say what speaks against going back at all, wherever to."""
    asked_by_event = _untimely(settings, notes, options) if options.unattended else ""
    return _stale_alarm(settings, notes.standing, options.alarm) or asked_by_event


def _stale_alarm(settings: Settings, standing: Standing, alarm: str) -> str:
    """Say that an alarm is about a variant that callers no longer meet."""
    # A candidate that its own deploy has rolled back still rings; it must not take its champion down with it.
    named = re.fullmatch(rf"{re.escape(settings.endpoint_name)}-(v\d+-[0-9a-f]{{8}})-\w+", alarm)
    begun = standing.rollout is not None and standing.rollout.kind == "rollback"
    suspect = standing.rollout.candidate if standing.rollout else standing.serving
    if named is None or suspect is None or begun or named[1] == suspect.variant:
        return ""
    return f"the alarm is about {named[1]}, but {suspect.variant} is what callers meet"


def _untimely(settings: Settings, notes: Journal, options: Options) -> str:
    """Say which of the policy's limits a rollback that no person asked for would break."""
    rollout, policy = notes.standing.rollout, settings.monitor.policy
    if rollout and rollout.kind != "rollback" and not options.alarm:
        return f"version {rollout.candidate.version} is being tried, and the finding is about the one before it"
    limits = Limits(cooldown=timedelta(minutes=policy.cooldown_minutes), maximum_per_day=policy.maximum_per_day)
    return objection(notes.entries, notes.standing, limits, now=options.clock.now())


def _unfit(aws: Aws, target: Release) -> str:
    """Say what speaks against a release; nothing for one that passed its gates and still counts."""
    model = aws.registry.describe(target.version)
    if model.status == REJECTED:
        return f"version {target.version} was revoked: {model.approval or 'no reason was given'}"
    return "" if model.gates == "passed" else f"version {target.version} failed its gates"


def _asked(options: Options) -> str:
    return f"alarm {options.alarm}: {options.reason}" if options.alarm else options.reason


def _refused(
    settings: Settings, notes: Journal, target: Release | None, against: str, *, options: Options
) -> RollbackRefused:
    if not options.dry_run:
        notes.write(
            Line(action="refuse", outcome="refused", release=target, reason=f"rollback: {against} ({_asked(options)})")
        )
    return RollbackRefused(
        against,
        where=target.package if target else f"ledger of {settings.env}",
        next_step=f"choose another version, or repeat with --force; the ledger of {settings.env} keeps the reason",
    )


def _roll_back(settings: Settings, work: Desk, target: Release, *, options: Options) -> StageResult:
    started = work.clock.now()
    reason = options.reason
    fleet = look(settings, work.aws)
    warm = _warm(fleet, target)
    if not warm:
        options.progress(f"cold: version {target.version} is no longer on the endpoint; {_COLD}")
    # An interrupted rollback to the same release is continued, everything else that is open is ended.
    rollout = work.journal.standing.rollout
    if rollout and not (rollout.kind == "rollback" and rollout.candidate.same_as(target)):
        _require(settings, work.abandon(f"rolled back by {options.actor}: {reason}"))
    if work.journal.standing.rollout or not _serves(settings, work, target):
        _require(settings, work.carry_out("rollback", target, reason=reason))
    else:
        work.point()
    seconds = (work.clock.now() - started).total_seconds()
    return _result(settings, target, warm=warm, seconds=seconds)


def _serves(settings: Settings, work: Desk, target: Release) -> bool:
    fleet = look(settings, work.aws)
    return target.same_as(work.journal.standing.serving) and fleet is not None and fleet.percent(target) == 100


def _warm(fleet: Fleet | None, target: Release) -> bool:
    return fleet is not None and not fleet.broken and fleet.variant_of(target) is not None


def _require(settings: Settings, finish: Finish | None) -> None:
    if finish is None or finish.result == "promoted":
        return
    if finish.result == "rolled_back" and "rolled back by" in finish.reason:
        return
    raise EndpointUnrecovered(
        f"the rollback did not succeed: {finish.reason}",
        where=f"endpoint {settings.endpoint_name}",
        next_step=f"pipeline history --env {settings.env}; then roll back to another version with --to",
    )


def _preview(settings: Settings, standing: Standing, fleet: Fleet | None, target: Release) -> StageResult:
    warm = _warm(fleet, target)
    now, then = fleet.percents if fleet else {}, _shares_after(settings, standing, fleet, target)
    rows = [f"| {name} | {_share(now, name)} | {_share(then, name)} |" for name in {**now, **then}]
    unfinished = ""
    if standing.rollout:
        unfinished = f"\nThe unfinished {standing.rollout.kind} of version {standing.rollout.candidate.version} ends."
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


def _shares_after(settings: Settings, standing: Standing, fleet: Fleet | None, target: Release) -> dict[str, float]:
    """Say who would answer whom, in percent; a variant that would be gone is not named."""
    if settings.deploy.strategy == "native":
        return {NATIVE_VARIANT: 100.0}
    serving = standing.serving
    if target.same_as(serving) and fleet and not fleet.shadow and fleet.variant_of(target):
        return dict.fromkeys(fleet.percents, 0.0) | {target.variant: 100.0}
    if serving is None or target.same_as(serving):
        return {target.variant: 100.0}
    return {serving.variant: 0.0, target.variant: 100.0}


def _share(shares: Mapping[str, float], name: str) -> str:
    return f"{shares[name]:g} %" if name in shares else "not there"


def _result(settings: Settings, target: Release, *, warm: bool, seconds: float) -> StageResult:
    how = "warm: weights moved" if warm else "cold: a new fleet was brought up"
    return StageResult(
        summary=f"### rollback\nVersion **{target.version}** answers all callers of `{settings.env}` again "
        f"after {seconds:.1f} s ({how}).",
        outputs={
            "version": str(target.version),
            "fingerprint": target.fingerprint,
            "warm": str(warm).lower(),
            "seconds": f"{seconds:.1f}",
        },
    )
