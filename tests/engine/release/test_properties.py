"""Rollouts under any metrics, any crashes and any mood of AWS: properties that hold whatever happens."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st
from sagemaker_gitops.aws.cloudwatch import Traffic
from sagemaker_gitops.project.deploy_config import DeployConfig, Native, StrategyName
from sagemaker_gitops.release.checks import Agreement, Answers, Evidence
from sagemaker_gitops.release.state import RolloutKind
from tests.engine.release.fake_endpoint import Killed, Killer
from tests.engine.release.rig import GOOD, Rig, release

_MAX_RUNS = 30


@st.composite
def evidences(draw: st.DrawFn) -> Evidence:
    """Draw any evidence, sensible or not."""
    requests = draw(st.integers(0, 500))
    no = draw(st.integers(0, 300))
    yes = draw(st.integers(0, 300))
    rows = draw(st.integers(0, 300))
    latency = st.none() | st.floats(0, 1000)
    return Evidence(
        candidate=Traffic(
            requests=requests,
            errors=draw(st.integers(0, requests)),
            rejected=draw(st.integers(0, requests)),
            p50_ms=draw(latency),
            p95_ms=draw(latency),
        ),
        champion=GOOD.champion,
        candidate_answers=Answers(requests=no + yes, labels={"no": no, "yes": yes}, probabilities=(0.2,) * (no + yes)),
        champion_answers=GOOD.champion_answers,
        agreement=draw(st.none() | st.just(Agreement(rows=rows, equal=draw(st.integers(0, rows))))),
    )


@dataclass(frozen=True, kw_only=True)
class Fate:
    """What will happen: which evidence comes, how AWS's updates end, after which change each process dies."""

    strategy: StrategyName
    kind: RolloutKind
    evidence: tuple[Evidence, ...]
    outcomes: tuple[str, ...]
    deaths: tuple[tuple[int, bool], ...]


FATES = st.builds(
    Fate,
    strategy=st.sampled_from(get_args(StrategyName)),
    kind=st.sampled_from(["deploy", "rollback"]),
    evidence=st.lists(st.just(GOOD) | evidences(), min_size=1, max_size=6).map(tuple),
    outcomes=st.lists(st.sampled_from(["ok", "ok", "back", "failed", "mixed", "out"]), max_size=2).map(tuple),
    deaths=st.lists(st.tuples(st.integers(1, 25), st.booleans()), max_size=5).map(tuple),
)


def endpoint(fate: Fate) -> Rig:
    """Build an endpoint on which version 1 serves, or version 2 after it when the fate is a rollback."""
    config = DeployConfig(
        strategy=fate.strategy, native=Native(alarms=("errors",)), check_seconds=120, traffic_wait_seconds=1200
    )
    rig = Rig(config)
    rig.config = config.model_copy(update={"strategy": "all_at_once"}) if fate.strategy != "native" else config
    rig.run(1)
    if fate.kind == "rollback":
        rig.run(2)
    rig.config = config
    return rig


def live(rig: Rig, fate: Fate) -> int:
    """Let it happen, run by run, and return the number of runs."""
    story: Iterator[Evidence] = iter(fate.evidence * 50)
    rig.measure_by(lambda _since: next(story, GOOD))
    rig.aws.endpoints.outcomes = list(fate.outcomes)
    deaths = [*(Killer(at, before=before) for at, before in fate.deaths), None]
    target = 2 if fate.kind == "deploy" else 1
    for number in range(_MAX_RUNS):
        try:
            rig.run(target, fate.kind, killer=deaths.pop(0) if deaths else None)
        except Killed:
            continue
        return number + 1
    raise AssertionError("the rollout does not end")


@settings(max_examples=150, deadline=None, print_blob=True)
@given(FATES)
def test_every_rollout_ends_with_exactly_one_release_serving(fate: Fate) -> None:
    """Promoted or rolled back: one variant has all traffic, and it is what the ledger says."""
    rig = endpoint(fate)

    live(rig, fate)

    state = rig.state
    assert state.rollout is None
    assert rig.entries[-1].outcome in {"promoted", "rolled_back"}
    assert sorted(rig.weights.values()) in ([100], [0, 100])
    serving = (
        next(item for item in rig.aws.endpoints.view.production if item.weight) if rig.aws.endpoints.view else None
    )
    assert serving is not None
    assert state.serving is not None
    assert serving.model == state.serving.model


@settings(max_examples=150, deadline=None, print_blob=True)
@given(FATES)
def test_callers_are_answered_at_every_moment(fate: Fate) -> None:
    """Traffic weights never sum to nothing, and never reach beyond the two releases."""
    rig = endpoint(fate)

    live(rig, fate)

    assert all(sum(seen.values()) == 100 for seen in rig.aws.endpoints.seen)
    assert all(len([share for share in seen.values() if share]) <= 2 for seen in rig.aws.endpoints.seen)


@settings(max_examples=150, deadline=None, print_blob=True)
@given(FATES)
def test_ledger_stays_whole_and_gap_free(fate: Fate) -> None:
    """Whatever dies between table and bucket, verification finds nothing to complain about."""
    rig = endpoint(fate)

    live(rig, fate)

    assert rig.problems() == []
    assert set(rig.aws.ledger.locked) == set(rig.aws.ledger.lines)


@settings(max_examples=100, deadline=None, print_blob=True)
@given(FATES.filter(lambda fate: fate.kind == "deploy"))
def test_breach_never_ends_in_promotion(fate: Fate) -> None:
    """Once the ledger says that a candidate broke a limit, no later run of it can promote it by continuing."""
    rig = endpoint(fate)

    live(rig, fate)

    entries = rig.entries
    for place, entry in enumerate(entries):
        if entry.action == "abort":
            closing = next(item for item in entries[place:] if item.action == "deploy")
            assert closing.outcome == "rolled_back"


@settings(max_examples=60, deadline=None)
@given(FATES.filter(lambda fate: fate.strategy in {"canary", "linear"} and fate.kind == "deploy"))
def test_share_of_the_candidate_only_grows_until_it_ends(fate: Fate) -> None:
    """Step by step up, and on a breach to nothing at once: there is no other way for traffic to go."""
    rig = endpoint(fate)
    before = len(rig.aws.endpoints.seen)

    live(rig, fate)

    shares = [seen.get(release(2).variant, 0) for seen in rig.aws.endpoints.seen[before:]]
    rises = [b - a for a, b in pairwise(shares)]
    allowed = {0, 10, 25, 75, 90}
    assert all(rise in allowed or b == 0 for rise, b in zip(rises, shares[1:], strict=False))


def test_time_of_evidence_is_the_beginning_of_the_step() -> None:
    """A step is judged by what happened in it, never by what happened before."""
    asked: list[datetime] = []

    def measure(since: datetime) -> Evidence:
        asked.append(since)
        return GOOD

    rig = Rig(DeployConfig(strategy="linear"), evidence=measure)
    rig.run(1)
    rig.run(2)

    confirmed = [entry.finished for entry in rig.entries if entry.action == "step" and entry.outcome == "succeeded"]
    assert set(asked) <= set(confirmed)
    assert len(set(asked)) == 3
