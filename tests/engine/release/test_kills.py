"""A process killed at any of its changes: the same command again ends in the same state, with a whole ledger."""

from collections.abc import Iterator
from typing import get_args

import pytest
from _pytest.mark import ParameterSet
from sagemaker_gitops.project.deploy_config import StrategyName
from sagemaker_gitops.release.checks import Evidence
from sagemaker_gitops.release.state import RolloutKind
from tests.engine.release.fake_endpoint import Killed, Killer
from tests.engine.release.rig import Rig, release
from tests.engine.release.test_rollouts import AGREEING, FAILING, rig_of

STRATEGIES: tuple[StrategyName, ...] = get_args(StrategyName)


def changes(strategy: StrategyName, evidence: Evidence, kind: RolloutKind) -> int:
    """Count the changes that an undisturbed run makes."""
    rig, killer = prepared(strategy, evidence, kind), Killer()
    rig.run(target(kind), kind, killer=killer)
    return killer.count


def prepared(strategy: StrategyName, evidence: Evidence, kind: RolloutKind) -> Rig:
    """Build the endpoint before the command that will be killed."""
    if kind == "deploy":
        return rig_of(strategy, evidence)
    rig = rig_of(strategy, AGREEING)
    rig.run(2)
    return rig


def told(rig: Rig) -> str:
    """Say which variant callers are told of."""
    return rig.aws.pointers.item.variant if rig.aws.pointers.item else ""


def target(kind: RolloutKind) -> int:
    """Say which version the command asks for."""
    return 2 if kind == "deploy" else 1


COMMANDS: tuple[tuple[str, Evidence, RolloutKind], ...] = (
    ("good", AGREEING, "deploy"),
    ("bad", FAILING, "deploy"),
    ("back", AGREEING, "rollback"),
)


def cases() -> Iterator[ParameterSet]:
    """Enumerate every change of every command, and both sides of it."""
    for strategy in STRATEGIES:
        for name, evidence, kind in COMMANDS:
            for at in range(1, changes(strategy, evidence, kind) + 1):
                for before in (True, False):
                    side = "before" if before else "after"
                    case = (strategy, evidence, kind, at)
                    yield pytest.param(*case, before, id=f"{strategy}-{name}-{side}-{at}")


@pytest.mark.parametrize(("strategy", "evidence", "kind", "at", "before"), list(cases()))
def test_killed_command_converges(
    strategy: StrategyName, evidence: Evidence, kind: RolloutKind, at: int, before: bool
) -> None:
    """Wherever the process dies, running it again gives what an undisturbed run gives."""
    undisturbed = prepared(strategy, evidence, kind)
    undisturbed.run(target(kind), kind)
    rig = prepared(strategy, evidence, kind)
    with pytest.raises(Killed):
        rig.run(target(kind), kind, killer=Killer(at, before=before))

    rig.run_again(target(kind), kind)

    assert rig.weights == undisturbed.weights
    assert rig.state.rollout is None
    assert rig.state.serving is not None
    assert rig.state.serving == undisturbed.state.serving
    assert told(rig) == told(undisturbed) == rig.state.serving.variant
    assert rig.problems() == []
    assert [entry.sequence for entry in rig.entries] == list(range(1, len(rig.entries) + 1))


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_no_step_is_applied_twice(strategy: StrategyName) -> None:
    """A run that dies after AWS took a change does not make it again."""
    undisturbed = rig_of(strategy)
    undisturbed.run(2)
    for at in range(1, changes(strategy, AGREEING, "deploy") + 1):
        rig = rig_of(strategy)
        with pytest.raises(Killed):
            rig.run(2, killer=Killer(at))

        rig.run_again(2)

        assert rig.aws.endpoints.calls == undisturbed.aws.endpoints.calls


def test_every_kill_in_a_row_still_ends_promoted() -> None:
    """A runner that dies after each single change gets there all the same."""
    rig = rig_of("canary")
    deaths = 0
    while not release(2).same_as(rig.state.serving):
        try:
            rig.run(2, killer=Killer(1))
        except Killed:
            deaths += 1

    assert deaths > 10
    assert rig.weights == {release(1).variant: 0, release(2).variant: 100}
    assert rig.problems() == []
