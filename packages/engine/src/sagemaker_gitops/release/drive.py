"""Carrying a rollout out: look, decide, act, write down; one change at a time, each repeatable."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from sagemaker_gitops.errors import AwsRefused, EndpointUnrecovered
from sagemaker_gitops.release.actions import (
    Abort,
    Action,
    Begin,
    Confirm,
    Finish,
    Provision,
    Remove,
    Shift,
    Verify,
    Wait,
)
from sagemaker_gitops.release.checks import Evidence
from sagemaker_gitops.release.hands import Hands
from sagemaker_gitops.release.journal import Journal, Line
from sagemaker_gitops.release.lease import Tenure
from sagemaker_gitops.release.machine import Rollout, Rules, Sighting, decide
from sagemaker_gitops.release.pointer import Pointer
from sagemaker_gitops.release.ports import Clock, Fleets, Gauges, Guard, Leases, LeaseView, Pointers, Probe
from sagemaker_gitops.release.state import Fleet, Layout
from sagemaker_gitops.release.verify import problems_of

_MAX_REFUSALS = 5


@dataclass(frozen=True, kw_only=True)
class Job:
    """One endpoint, the rules of its rollout, and rows whose answers prove a candidate."""

    endpoint: str
    rules: Rules
    strategy: str
    samples: Sequence[Mapping[str, object]]
    lease_seconds: float
    provision_timeout_seconds: float
    guard: Guard | None = None


@dataclass(frozen=True, kw_only=True)
class World:
    """Everything outside this process."""

    fleets: Fleets
    probe: Probe
    gauges: Gauges
    leases: Leases
    pointers: Pointers
    clock: Clock
    progress: Callable[[str], None]


class Driver:
    """Drives the rollout that a journal holds open to its end."""

    def __init__(self, job: Job, world: World, journal: Journal, lease: LeaseView) -> None:
        self._job = job
        self._world = world
        self._journal = journal
        self._memory = Sighting(fleet=None, now=world.clock.now())
        self._pointer = Pointer(world.pointers, lease, world.progress)
        self._refusals = 0
        self._verified_step = -1
        self._tenure = Tenure(world.leases, world.clock, lease, seconds=job.lease_seconds, progress=world.progress)
        self._hands = Hands(
            world.fleets,
            world.clock,
            self._tenure,
            endpoint=job.endpoint,
            poll_seconds=job.rules.poll_seconds,
            timeout=job.provision_timeout_seconds,
        )

    def run(self) -> Finish:
        """Act until the rollout is promoted, rolled back or given up."""
        while True:
            try:
                action = self._next()
                self._perform(action)
            except AwsRefused as err:
                self._refused(err)
                continue
            self._refusals = 0
            if isinstance(action, Finish):
                return action

    def _next(self) -> Action:
        fleet, rollout = self._hands.look(), self._rollout
        self._memory = replace(
            self._memory,
            fleet=fleet,
            now=self._world.clock.now(),
            evidence=self._evidence(rollout, fleet),
            verified=self._verified_step == rollout.step,
        )
        self._tenure.keep()
        return decide(rollout, self._job.rules, self._memory)

    @property
    def _rollout(self) -> Rollout:
        rollout = self._journal.standing.rollout
        if rollout is None:
            raise RuntimeError("the driver was started without an open rollout")
        return rollout

    def _evidence(self, rollout: Rollout, fleet: Fleet | None) -> Evidence:
        step = self._job.rules.plan[max(rollout.step, 0)]
        if fleet is None or not fleet.settled or rollout.since is None or rollout.abort or not step.watched:
            return Evidence()
        champion = rollout.champion.variant if rollout.champion else None
        return self._world.gauges.measure(
            candidate=rollout.candidate.variant, champion=champion, since=rollout.since, mirrored=step.mirrored
        )

    def _perform(self, action: Action) -> None:
        match action:
            case Provision() | Shift() | Remove():
                self._change(action)
            case Begin() | Confirm():
                self._write_step(action)
            case Verify():
                self._verify()
            case Abort(reason=reason):
                self._abort(reason)
            case Wait(seconds=seconds, why=why):
                self._tenure.wait(seconds, why)
            case Finish():
                self._finish(action)

    def _change(self, action: Provision | Shift | Remove) -> None:
        # A takeover is noticed here at the latest; what is written down is fenced by the ledger itself.
        self._tenure.renew()
        match action:
            case Provision(layout=layout, guarded=guarded):
                self._provision(layout=layout, guarded=guarded)
            case Shift(weights=weights):
                self._say("traffic: " + ", ".join(f"{name} {share} %" for name, share in weights.items()))
                self._hands.shift(weights)
            case Remove():
                self._say("AWS deletes the endpoint")
                self._memory = replace(self._memory, asked=None)
                self._hands.remove()

    def _provision(self, *, layout: Layout, guarded: bool) -> None:
        asked = self._hands.config_name(layout)
        tries = self._memory.retreats + (1 if self._rollout.abort else 0)
        self._memory = replace(self._memory, retreats=tries)
        self._say(f"AWS brings up {', '.join(item.name for item in (*layout.production, *layout.shadow))} ({asked})")
        guard = self._job.guard if guarded else None
        self._hands.provision(layout, exists=self._memory.fleet is not None, guard=guard)
        self._memory = replace(self._memory, asked=asked)

    def _write_step(self, action: Begin | Confirm) -> None:
        step, begun = self._job.rules.plan[action.step], isinstance(action, Begin)
        self._say(f"step {action.step + 1} of {len(self._job.rules.plan)}, {step.name}: {'…' if begun else 'reached'}")
        line = Line(action="step", outcome="started" if begun else "succeeded", step=action.step, reason=step.name)
        shares = self._percents()
        self._write(replace(line, before=shares, after=self._target(step.percent) if begun else shares))

    def _target(self, percent: int) -> dict[str, float]:
        champion, candidate = self._rollout.champion, self._rollout.candidate
        rest = {champion.variant: 100.0 - percent} if champion else {}
        return rest | {candidate.variant: float(percent)}

    def _verify(self) -> None:
        fleet, rollout = self._memory.fleet, self._rollout
        variant = fleet.variant_of(rollout.candidate) if fleet else None
        if variant is None:
            return
        self._say(f"asking {variant.name} about {len(self._job.samples)} known rows")
        body = json.dumps({"instances": list(self._job.samples)})
        answer = self._world.probe.ask(self._job.endpoint, variant.name, body)
        problems = problems_of(answer, rollout.candidate, rows=len(self._job.samples))
        self._memory = replace(self._memory, problems=tuple(problems))
        self._verified_step = rollout.step

    def _abort(self, reason: str) -> None:
        self._say(f"BREACH {reason}")
        self._write(
            Line(action="abort", outcome="started", before=self._percents(), after=self._target(0), reason=reason)
        )
        self._memory = replace(self._memory, asked=None, problems=())

    def _finish(self, action: Finish) -> None:
        rollout, opened = self._rollout, self._journal.standing.opened
        serving = rollout.candidate if action.result == "promoted" else rollout.champion
        if serving is not None and action.result != "failed":
            self._world.fleets.tag(self._job.endpoint, serving.tags)
        # Repairing and cleaning promote nobody: the release that serves is the one that served.
        promotes = rollout.kind in {"deploy", "rollback"}
        outcome = action.result if promotes or action.result == "failed" else "succeeded"
        line = Line(action=rollout.kind, outcome=outcome, started=rollout.started, after=self._percents())
        asked_because = opened.reason if opened else ""
        before = opened.before if opened else {}
        self._write(replace(line, before=before, reason=action.reason or asked_because))
        self._pointer.follow(self._journal.standing)

    def _refused(self, err: AwsRefused) -> None:
        """Try again what AWS refused; when it goes on refusing, go back; when even that fails, say so."""
        self._refusals += 1
        self._say(f"AWS refused: {err.what}")
        if self._refusals < _MAX_REFUSALS:
            self._tenure.wait(self._job.rules.poll_seconds, "trying once more")
            return
        if self._rollout.abort:
            raise EndpointUnrecovered(
                f"AWS refuses the way back as well: {err.what}",
                where=f"endpoint {self._job.endpoint}",
                next_step="run the same command again once AWS answers; it continues where this one stopped",
            ) from err
        self._refusals = 0
        self._abort(f"AWS refused {_MAX_REFUSALS} times: {err.what}")

    def _write(self, line: Line) -> None:
        self._journal.write(replace(line, strategy=self._job.strategy, release=self._rollout.candidate))

    def _say(self, text: str) -> None:
        self._world.progress(text)

    def _percents(self) -> dict[str, float]:
        return self._memory.fleet.percents if self._memory.fleet else {}
