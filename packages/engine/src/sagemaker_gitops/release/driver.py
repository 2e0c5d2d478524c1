"""Driving a rollout to its end: look, decide, act, write down; one change at a time, each safe to repeat."""

from collections.abc import Callable
from dataclasses import replace

from sagemaker_gitops.aws.endpoint_shapes import Endpoint
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import AwsRefused, EndpointUnrecovered
from sagemaker_gitops.release import evidence
from sagemaker_gitops.release.checks import Evidence
from sagemaker_gitops.release.evidence import Window
from sagemaker_gitops.release.ledger import Release
from sagemaker_gitops.release.machine import (
    Abort,
    Action,
    Begin,
    Confirm,
    Finish,
    Observation,
    Provision,
    Remove,
    Shift,
    Verify,
    Wait,
    decide,
)
from sagemaker_gitops.release.session import ReleaseSession
from sagemaker_gitops.release.state import Rollout, RolloutKind
from sagemaker_gitops.release.strategies import Rules, rules_of
from sagemaker_gitops.release.verification import Rows, ask, problems_of, rows_of
from sagemaker_gitops.release.writer import NewEntry

# What a new release comes to serve by; repairing and cleaning keep the one that serves.
_PROMOTING = frozenset({"deploy", "rollback"})
_MAX_REFUSALS = 5

Measure = Callable[[Aws, Window], Evidence]


class Driver:
    """Brings releases to an endpoint, one rollout at a time: the only part that moves its traffic."""

    def __init__(self, session: ReleaseSession, *, measure: Measure = evidence.measure) -> None:
        self._session = session
        self._measure = measure
        self._rows: Rows = []
        self._seen = Observation(endpoint=None, now=session.clock.now())
        self._verified_step = -1
        self._refusals = 0

    def roll_out(self, kind: RolloutKind, candidate: Release, *, reason: str, strategy: str = "") -> Finish:
        """Drive one rollout to its end, the unfinished one of a former run included."""
        session = self._session
        session.prepare(candidate)
        self._rows = rows_of(session.aws, candidate, session.settings.deploy.verify_rows)
        rollout = session.state.rollout
        if rollout and (rollout.kind != kind or not rollout.candidate.same_as(candidate)):
            self._abandon(f"{kind} of version {candidate.version} came in its place")
        if session.state.rollout is None and kind in _PROMOTING and candidate.same_as(session.state.serving):
            finish = self._keep(candidate, reason)
        else:
            if session.state.rollout is None:
                self._open(kind, candidate, reason=reason, strategy=strategy)
            finish = self._run()
        session.sync_alarms_and_scaling()
        return finish

    def restore(self, reason: str) -> Finish | None:
        """Give all traffic back to the release that must serve, by the shortest way."""
        finish = self._restore(reason)
        self._session.sync_alarms_and_scaling()
        return finish

    def abandon(self, reason: str) -> Finish | None:
        """End an unfinished rollout in favour of its champion; None when there is none."""
        finish = self._abandon(reason)
        self._session.sync_alarms_and_scaling()
        return finish

    def _keep(self, serving: Release, reason: str) -> Finish:
        """Give the release that must serve all traffic, if it has not."""
        endpoint = self._session.describe()
        if endpoint and endpoint.settled and not endpoint.shadow and endpoint.percent_of(serving.model) == 100:
            self._session.publish()
            return Finish(result="promoted", reason="it serves already")
        finish = self._restore(reason)
        return finish if finish and finish.result == "failed" else Finish(result="promoted", reason=reason)

    def _restore(self, reason: str) -> Finish | None:
        state = self._session.state
        if state.serving and not state.rollout:
            self._open("repair", state.serving, reason=reason)
        return self._abandon(reason)

    def _abandon(self, reason: str) -> Finish | None:
        rollout = self._session.state.rollout
        if rollout is None:
            return None
        if not rollout.abort:
            entry = NewEntry(action="abort", outcome="started", release=rollout.candidate, reason=reason)
            self._session.ledger.write(replace(entry, before=_percents(self._session.describe())))
        return self._run()

    def _open(self, kind: RolloutKind, candidate: Release, *, reason: str, strategy: str = "") -> None:
        entry = NewEntry(action=kind, outcome="started", release=candidate, reason=reason)
        strategy = strategy or self._session.settings.deploy.strategy
        self._session.ledger.write(replace(entry, strategy=strategy, before=_percents(self._session.describe())))

    def _run(self) -> Finish:
        """Act until the rollout is promoted, rolled back or given up."""
        self._seen = Observation(endpoint=None, now=self._session.clock.now())
        self._verified_step, self._refusals = -1, 0
        rules = self._rules()
        while True:
            try:
                action = self._decide(rules)
                self._perform(action, rules)
            except AwsRefused as err:
                self._refused(err, rules)
                continue
            self._refusals = 0
            if isinstance(action, Finish):
                return action

    @property
    def _rollout(self) -> Rollout:
        rollout = self._session.state.rollout
        if rollout is None:
            raise RuntimeError("the driver was started without an open rollout")
        return rollout

    def _rules(self) -> Rules:
        state, settings = self._session.state, self._session.settings
        # A rollout ends under the strategy that it began under, whatever the configuration says by now.
        strategy = state.opened.strategy if state.opened else settings.deploy.strategy
        return rules_of(settings, kind=self._rollout.kind, first=state.serving is None, strategy=strategy)

    def _decide(self, rules: Rules) -> Action:
        endpoint, rollout = self._session.describe(), self._rollout
        self._seen = replace(
            self._seen,
            endpoint=endpoint,
            now=self._session.clock.now(),
            evidence=self._evidence(endpoint, rules),
            verified=self._verified_step == rollout.step,
        )
        self._session.lease.keep()
        return decide(rollout, rules, self._seen)

    def _evidence(self, endpoint: Endpoint | None, rules: Rules) -> Evidence:
        rollout, step = self._rollout, rules.plan[max(self._rollout.step, 0)]
        if endpoint is None or not endpoint.settled or rollout.since is None or rollout.abort or not step.watched:
            return Evidence()
        window = Window(
            endpoint=self._session.name,
            candidate=rollout.candidate.variant,
            champion=rollout.champion.variant if rollout.champion else None,
            since=rollout.since,
            until=self._session.clock.now(),
            mirrored=step.mirrored,
        )
        return self._measure(self._session.aws, window)

    def _perform(self, action: Action, rules: Rules) -> None:
        match action:
            case Provision() | Shift() | Remove():
                self._change(action, rules)
            case Begin() | Confirm():
                self._write_step(action, rules)
            case Verify():
                self._verify()
            case Abort(reason=reason):
                self._abort(reason)
            case Wait(seconds=seconds, why=why):
                self._session.lease.wait(seconds, why)
            case Finish():
                self._finish(action)

    def _change(self, action: Provision | Shift | Remove, rules: Rules) -> None:
        match action:
            case Provision(config=config, guarded=guarded):
                asked = config.name(self._session.name)
                tries = self._seen.retreats + (1 if self._rollout.abort else 0)
                self._seen = replace(self._seen, retreats=tries)
                self._session.provision(config, rules.guardrail if guarded else None)
                self._seen = replace(self._seen, asked=asked)
            case Shift(weights=weights):
                self._session.shift(weights)
            case Remove():
                self._seen = replace(self._seen, asked=None)
                self._session.remove()

    def _write_step(self, action: Begin | Confirm, rules: Rules) -> None:
        step, begun = rules.plan[action.step], isinstance(action, Begin)
        place = f"step {action.step + 1} of {len(rules.plan)}, {step.name}"
        self._session.progress(f"{place}: {'…' if begun else 'reached'}")
        entry = NewEntry(action="step", outcome="started" if begun else "succeeded", step=action.step, reason=step.name)
        shares = _percents(self._seen.endpoint)
        self._write(replace(entry, before=shares, after=self._target(step.percent) if begun else shares))

    def _target(self, percent: int) -> dict[str, float]:
        champion, candidate = self._rollout.champion, self._rollout.candidate
        rest = {champion.variant: 100.0 - percent} if champion else {}
        return rest | {candidate.variant: float(percent)}

    def _verify(self) -> None:
        endpoint, rollout = self._seen.endpoint, self._rollout
        variant = endpoint.variant_of(rollout.candidate.model) if endpoint else None
        if variant is None:
            return
        self._session.progress(f"sending {len(self._rows)} known rows to {variant.name}")
        answer = ask(self._session.aws, self._session.name, variant.name, self._rows)
        problems = problems_of(answer, rollout.candidate, rows=len(self._rows))
        self._seen = replace(self._seen, problems=tuple(problems))
        self._verified_step = rollout.step

    def _abort(self, reason: str) -> None:
        self._session.progress(f"BREACH {reason}")
        entry = NewEntry(action="abort", outcome="started", reason=reason)
        self._write(replace(entry, before=_percents(self._seen.endpoint), after=self._target(0)))
        self._seen = replace(self._seen, asked=None, problems=())

    def _finish(self, action: Finish) -> None:
        rollout, opened = self._rollout, self._session.state.opened
        serving = rollout.candidate if action.result == "promoted" else rollout.champion
        if serving is not None and action.result != "failed":
            self._session.aws.endpoints.tag(self._session.name, serving.tags)
        promotes = rollout.kind in _PROMOTING or action.result == "failed"
        entry = NewEntry(
            action=rollout.kind,
            outcome=action.result if promotes else "succeeded",
            started=rollout.started,
            before=opened.before if opened else {},
            after=_percents(self._seen.endpoint),
            reason=action.reason or (opened.reason if opened else ""),
        )
        self._write(entry)
        self._session.publish()

    def _refused(self, err: AwsRefused, rules: Rules) -> None:
        """Try again what AWS refused; when it goes on refusing, go back; when even that fails, say so."""
        self._refusals += 1
        self._session.progress(f"AWS refused: {err.what}")
        if self._refusals < _MAX_REFUSALS:
            self._session.lease.wait(rules.poll_seconds, "trying once more")
            return
        if self._rollout.abort:
            raise EndpointUnrecovered(
                f"AWS refuses the way back as well: {err.what}",
                where=f"endpoint {self._session.name}",
                next_step="run the same command again once AWS answers; it continues where this one stopped",
            ) from err
        self._refusals = 0
        self._abort(f"AWS refused {_MAX_REFUSALS} times: {err.what}")

    def _write(self, entry: NewEntry) -> None:
        opened = self._session.state.opened
        strategy = opened.strategy if opened else ""
        self._session.ledger.write(replace(entry, strategy=strategy, release=self._rollout.candidate))


def _percents(endpoint: Endpoint | None) -> dict[str, float]:
    return endpoint.percents if endpoint else {}
