"""Every strategy from end to end under live load: who was answered by whom, and nobody was lost."""

import math
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest
from tests.engine.release.live.plant import Callers, Plant, Told

STRATEGIES = ("all_at_once", "blue_green", "canary", "linear", "shadow")


def moment(entry: dict[str, Any], name: str = "finished") -> float:
    """Read an entry's time as seconds since the epoch."""
    return datetime.fromisoformat(entry[name]).timestamp()


def steps(plant: Plant) -> list[tuple[float, float, float]]:
    """Cut the last rollout into (share of the candidate in percent, from, until)."""
    entries = plant.entries()
    opening = max(n for n, item in enumerate(entries) if item["action"] == "deploy" and item["outcome"] == "started")
    mine = [item for item in entries[opening:] if item["action"] in {"step", "deploy"}]
    found = []
    for reached, following in pairwise(mine):
        if reached["action"] == "step" and reached["outcome"] == "succeeded":
            variant = f"v{reached['release']['version']}-{reached['release']['fingerprint'][:8]}"
            found.append((reached["to"].get(variant, 0), moment(reached), moment(following, "started")))
    return found


def assert_shares(plant: Plant, callers: Callers, version: str) -> None:
    """Expect of each step a share of answers within what chance allows around its weight (99.9 %)."""
    for percent, start, end in steps(plant):
        answers = callers.between(start, end)
        share, expected = percent / 100, len(answers) * percent / 100
        given = sum(answer.version == version for answer in answers)
        noise = 3.3 * math.sqrt(len(answers) * share * (1 - share)) + 1
        print(f"{percent:g} %: {given} of {len(answers)}, {expected:.0f} ± {noise:.0f} expected")  # noqa: T201
        assert abs(given - expected) <= noise


def assert_promoted(plant: Plant, told: Told, name: str) -> None:
    """Expect success, and a release with all traffic on AWS."""
    assert told.exit_code == 0, told.stderr
    variant = told.outputs["variant"]
    weights = plant.weights()
    assert told.outputs["version"] == str(plant.versions[name])
    assert weights[variant] == 100
    assert sum(weights.values()) == 100


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_good_candidate_is_promoted_without_a_lost_request(serving: Plant, strategy: str) -> None:
    """Traffic is split as asked at each step, and every caller gets a prediction."""
    with serving.callers() as callers:
        told = serving.deploy("better", strategy)

    assert_promoted(serving, told, "better")
    assert callers.lost() == []
    assert_shares(serving, callers, str(serving.versions["better"]))
    assert callers.answers[-1].version == str(serving.versions["better"])


def test_rollback_is_warm_and_loses_no_request(serving: Plant) -> None:
    """While the former champion is on standby, going back is a flip of weights."""
    serving.deploy("better", "all_at_once")

    with serving.callers() as callers:
        told = serving.run("rollback", "--env", "prod", "--reason", "practise")

    assert told.exit_code == 0, told.stderr
    print(f"warm rollback: {told.outputs['seconds']} s")  # noqa: T201
    assert told.outputs["warm"] == "true"
    assert callers.lost() == []
    assert callers.answers[-1].version == str(serving.versions["good"])


def test_cold_rollback_says_so_and_loses_no_request(serving: Plant) -> None:
    """When standby is over, the retained model comes up again without training, and says how long that takes."""
    serving.deploy("better", "all_at_once")
    serving.run("clean", "--env", "prod", PIPELINE__DEPLOY__STANDBY_HOURS="0")

    with serving.callers() as callers:
        told = serving.run("rollback", "--env", "prod", "--reason", "practise")

    assert told.exit_code == 0, told.stderr
    print(f"cold rollback: {told.outputs['seconds']} s")  # noqa: T201
    assert told.outputs["warm"] == "false"
    assert "10 to 15 minutes on AWS" in told.stderr
    assert callers.lost() == []
    assert callers.answers[-1].version == str(serving.versions["good"])


def test_dry_run_shows_and_changes_nothing(serving: Plant) -> None:
    """What would happen is told with the shares of now and then."""
    serving.deploy("better", "all_at_once")
    before, entries = serving.weights(), len(serving.entries())

    told = serving.run("rollback", "--env", "prod", "--reason", "look", "--dry-run")

    assert told.exit_code == 0, told.stderr
    assert (told.outputs["version"], told.outputs["warm"]) == (str(serving.versions["good"]), "true")
    assert told.outputs["changed"] == "false"
    assert serving.weights() == before
    assert len(serving.entries()) == entries
