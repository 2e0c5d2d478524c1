"""Rollouts from beginning to end: every strategy with a good and with a bad candidate."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import get_args

import pytest
from sagemaker_gitops.aws.cloudwatch import Traffic
from sagemaker_gitops.aws.endpoint_shapes import EndpointConfig, Guardrail
from sagemaker_gitops.aws.invocations import Answer
from sagemaker_gitops.errors import AwsRefused, EndpointUnrecovered, LeaseLost
from sagemaker_gitops.project.deploy_config import DeployConfig, Native, StrategyName
from sagemaker_gitops.release.checks import Agreement, Answers, Evidence
from sagemaker_gitops.release.strategies import NATIVE_VARIANT
from tests.engine.release.fake_stores import ANSWER
from tests.engine.release.rig import ENDPOINT, GOOD, Rig, release

STRATEGIES: tuple[StrategyName, ...] = get_args(StrategyName)
WATCHED: tuple[StrategyName, ...] = ("canary", "linear", "shadow")
AGREEING = replace(GOOD, agreement=Agreement(rows=200, equal=198))

FAILING = replace(AGREEING, candidate=Traffic(requests=200, errors=20, p50_ms=1, p95_ms=2))
SLOW = replace(AGREEING, candidate=Traffic(requests=200, p50_ms=60, p95_ms=400))
SKEWED = replace(
    AGREEING,
    candidate_answers=Answers(requests=200, labels={"no": 20, "yes": 180}, probabilities=(0.9,) * 200),
    agreement=Agreement(rows=200, equal=30),
)
IDLE = Evidence(agreement=Agreement())


def config(strategy: StrategyName) -> DeployConfig:
    """Configure a strategy with the alarms that a native one needs."""
    return DeployConfig(strategy=strategy, native=Native(alarms=("errors",)))


def rig_of(strategy: StrategyName, evidence: Evidence = AGREEING) -> Rig:
    """Build an endpoint on which version 1 serves."""
    rig = Rig(config(strategy), evidence=lambda _: evidence)
    rig.run(1)
    return rig


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_good_candidate_ends_with_all_traffic(strategy: StrategyName) -> None:
    """A candidate that breaks no limit is promoted, and the ledger is whole."""
    rig = rig_of(strategy)

    finish = rig.run(2)

    assert finish.result == "promoted"
    assert sum(rig.weights.values()) == 100
    assert release(2).same_as(rig.state.serving)
    assert rig.problems() == []


@pytest.mark.parametrize("strategy", ["blue_green", "canary", "linear", "shadow", "all_at_once"])
def test_former_champion_stays_on_standby(strategy: StrategyName) -> None:
    """After a promotion the way back needs no new machines."""
    rig = rig_of(strategy)

    rig.run(2)

    assert rig.weights == {release(1).variant: 0, release(2).variant: 100}


@pytest.mark.parametrize("strategy", WATCHED)
@pytest.mark.parametrize(
    ("evidence", "told"),
    [(FAILING, "error rate: 20 of 200"), (SLOW, "p95 is 400.0 ms"), (SKEWED, "predictions|agreement")],
    ids=["failing", "slow", "skewed"],
)
def test_bad_candidate_is_rolled_back_with_its_reason(strategy: StrategyName, evidence: Evidence, told: str) -> None:
    """Errors, slowness and skewed predictions each end in the champion, and say which limit broke."""
    rig = rig_of(strategy, evidence)

    finish = rig.run(2)

    assert finish.result == "rolled_back"
    assert any(word in finish.reason for word in told.split("|"))
    assert rig.weights[release(1).variant] == 100
    assert release(1).same_as(rig.state.serving)


def test_bad_candidate_in_shadow_answers_no_caller() -> None:
    """Mirrored traffic is compared without anybody being answered by the candidate."""
    rig = rig_of("shadow", SKEWED)

    rig.run(2)

    assert all(release(2).variant not in seen for seen in rig.aws.endpoints.seen)


@pytest.mark.parametrize("strategy", WATCHED)
def test_idle_candidate_never_passes(strategy: StrategyName) -> None:
    """Without callers nothing is proven: the candidate waits for its time, then goes."""
    rig = rig_of(strategy, IDLE)
    started = rig.clock.now()

    finish = rig.run(2)

    assert finish.result == "rolled_back"
    assert "too little traffic" in finish.reason
    waited = (rig.clock.now() - started).total_seconds()
    assert waited >= rig.config.bake_seconds + rig.config.traffic_wait_seconds


def test_late_traffic_is_waited_for() -> None:
    """A candidate whose callers come after the bake is judged then, not given up."""
    rig = Rig(DeployConfig(strategy="canary"))
    rig.run(1)
    begun = rig.clock.now()
    late: Callable[[datetime], Evidence] = lambda _: GOOD if (rig.clock.now() - begun).seconds > 1000 else IDLE  # noqa: E731
    rig.measure_by(late)

    finish = rig.run(2)

    assert finish.result == "promoted"


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    "answer",
    [
        Answer(status=500, body="boom", attributes={}),
        replace(ANSWER, attributes={"fingerprint": "f" * 64}),
        replace(ANSWER, body="<html>"),
    ],
    ids=["fails", "wrong model", "no predictions"],
)
def test_candidate_that_fails_known_rows_is_rolled_back(strategy: StrategyName, answer: Answer) -> None:
    """Before callers are, the candidate itself is asked; a wrong answer ends it."""
    rig = rig_of(strategy)
    rig.aws.invocations.answer = answer

    finish = rig.run(2)

    assert finish.result == "rolled_back"
    assert "verification" in finish.reason
    assert max(rig.weights, key=lambda name: rig.weights[name]) in {release(1).variant, NATIVE_VARIANT}


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_silent_rollback_by_aws_is_noticed(strategy: StrategyName) -> None:
    """An endpoint InService on its old configuration is no success."""
    rig = rig_of(strategy)
    rig.aws.endpoints.outcomes = ["back"]

    finish = rig.run(2)

    assert finish.result == "rolled_back"
    assert "AWS went back" in finish.reason
    assert "an alarm rang" in finish.reason
    assert release(1).same_as(rig.state.serving)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_failed_endpoint_is_replaced_by_the_champion(strategy: StrategyName) -> None:
    """A Failed endpoint takes no update: it is deleted, and the champion comes up again."""
    rig = rig_of(strategy)
    rig.aws.endpoints.outcomes = ["failed"]

    finish = rig.run(2)

    assert finish.result == "rolled_back"
    assert "Failed" in finish.reason
    assert sum(rig.weights.values()) == 100
    assert rig.aws.endpoints.view is not None
    assert rig.aws.endpoints.view.production[0].model == release(1).model


@pytest.mark.parametrize("outcome", ["mixed", "out"])
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_broken_endpoint_that_takes_updates_is_never_deleted(strategy: StrategyName, outcome: str) -> None:
    """Variants that may still answer callers stay until the champion's own fleet is up."""
    rig = rig_of(strategy)
    rig.aws.endpoints.outcomes = [outcome]

    finish = rig.run(2)

    assert finish.result == "rolled_back"
    assert "delete" not in rig.aws.endpoints.calls
    view = rig.aws.endpoints.view
    assert view is not None
    assert view.status == "InService"
    assert [(item.model, item.weight) for item in view.production] == [(release(1).model, 100)]


def test_first_release_that_fails_leaves_nothing_behind() -> None:
    """Where nothing served before, nothing serves after."""
    rig = Rig()
    rig.aws.endpoints.outcomes = ["failed"]

    finish = rig.run(1)

    assert finish.result == "rolled_back"
    assert rig.aws.endpoints.view is None
    assert rig.state.serving is None


def test_champion_that_cannot_come_back_is_told_as_failure() -> None:
    """When neither release can be made to serve, the rollout ends as failed instead of for ever."""
    rig = rig_of("all_at_once")
    rig.aws.endpoints.outcomes = ["failed"] * 10

    finish = rig.run(2)

    assert finish.result == "failed"
    assert "3 attempts" in finish.reason


def test_refused_call_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    """A refusal that passes, such as throttling beyond botocore's patience, does not end a rollout."""
    rig = rig_of("canary")
    refuse_times(monkeypatch, rig, 3)

    finish = rig.run(2)

    assert finish.result == "promoted"


def test_call_refused_for_ever_ends_in_the_champion(monkeypatch: pytest.MonkeyPatch) -> None:
    """What AWS refuses five times, such as a quota, is given up, and the champion keeps its traffic."""
    rig = rig_of("canary")
    refuse_times(monkeypatch, rig, 5)

    finish = rig.run(2)

    assert finish.result == "rolled_back"
    assert "ResourceLimitExceeded" in finish.reason
    assert rig.weights[release(1).variant] == 100


def test_way_back_that_is_refused_for_ever_calls_for_a_person(monkeypatch: pytest.MonkeyPatch) -> None:
    """When AWS refuses even the way back, the error says so; running again continues."""
    rig = rig_of("canary", FAILING)

    def refuse(endpoint: str, weights: dict[str, int]) -> None:
        if weights[release(1).variant] == 100:
            raise AwsRefused("InternalFailure")
        shift(endpoint, weights)

    shift = rig.aws.endpoints.shift
    monkeypatch.setattr(rig.aws.endpoints, "shift", refuse)
    with pytest.raises(EndpointUnrecovered, match="way back"):
        rig.run(2)
    monkeypatch.undo()

    finish = rig.run(2)

    assert finish.result == "rolled_back"
    assert rig.weights[release(1).variant] == 100


def test_holder_who_was_taken_over_changes_nothing_more() -> None:
    """The old holder stops before its next change, with an error of its own."""
    rig = Rig(DeployConfig(strategy="canary"))
    rig.run(1)

    def takeover(_: datetime) -> Evidence:
        rig.aws.lease.take_over(ENDPOINT, "rollback", now=rig.clock.now().timestamp(), seconds=60)
        rig.aws.endpoints.calls.clear()
        return GOOD

    rig.measure_by(takeover)
    with pytest.raises(LeaseLost):
        rig.run(2)

    assert rig.aws.endpoints.calls == []


def test_scaled_champion_is_replaced_at_its_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fleet that autoscaling has grown is never replaced by a smaller one."""
    rig = rig_of("canary")
    view = rig.aws.endpoints.view
    assert view is not None
    rig.aws.endpoints.put(replace(view, production=tuple(replace(item, instances=7) for item in view.production)))

    rig.run(2)

    assert rig.aws.endpoints.view is not None
    assert [item.instances for item in rig.aws.endpoints.view.production] == [7, 7]


def refuse_times(monkeypatch: pytest.MonkeyPatch, rig: Rig, times: int) -> None:
    """Let AWS refuse the next updates."""
    update, left = rig.aws.endpoints.update, [times]

    def refuse(endpoint: str, config: EndpointConfig, guardrail: Guardrail | None) -> None:
        if left[0]:
            left[0] -= 1
            raise AwsRefused("ResourceLimitExceeded")
        update(endpoint, config, guardrail)

    monkeypatch.setattr(rig.aws.endpoints, "update", refuse)
