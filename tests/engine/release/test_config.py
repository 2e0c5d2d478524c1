"""The deploy section: what AWS or good sense would refuse is refused before any call."""

import pytest
from pydantic import ValidationError
from sagemaker_gitops.project.deploy_config import DeployConfig
from sagemaker_gitops.release.strategies import plan_deploy, plan_rollback


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"canary_percent": 51}, "must be 1 to 50"),
        ({"canary_percent": 0}, "must be 1 to 50"),
        ({"linear_step_percent": 9}, "must be 10 to 50"),
        ({"linear_step_percent": 51}, "must be 10 to 50"),
        ({"bake_seconds": 3601}, "must be 0 to 3600"),
        ({"mirror_percent": 0}, "must be 1 to 100"),
        ({"minimum_requests": 0}, "greater than or equal to 1"),
        ({"strategy": "big_bang"}, "'all_at_once', 'blue_green', 'canary'"),
        ({"strategy": "native", "native": {"alarms": []}}, "1 to 10 are needed"),
        ({"native": {"alarms": [str(n) for n in range(11)]}}, "at most 10"),
        ({"native": {"timeout_seconds": 599}}, "must be 600 to 28800"),
        ({"strategy": "native", "bake_seconds": 600, "native": {"alarms": ["a"], "timeout_seconds": 1200}}, "below"),
        ({"checks": {"max_error_rate": 1.5}}, "must be 0 to 1"),
        ({"surprise": 1}, "Extra inputs"),
    ],
)
def test_value_beyond_its_limit_is_refused(values: dict[str, object], told: str) -> None:
    """The message names the limit and whose it is."""
    with pytest.raises(ValidationError) as caught:
        DeployConfig.model_validate(values)

    assert told in str(caught.value)


@pytest.mark.parametrize(
    ("values", "shares"),
    [
        ({"strategy": "canary"}, [0, 10, 100]),
        ({"strategy": "canary", "canary_percent": 50}, [0, 50, 100]),
        ({"strategy": "linear"}, [0, 25, 50, 75, 100]),
        ({"strategy": "linear", "linear_step_percent": 30}, [0, 30, 60, 90, 100]),
        ({"strategy": "blue_green"}, [0, 100]),
        ({"strategy": "shadow"}, [0, 0, 100]),
        ({"strategy": "all_at_once"}, [100]),
        ({"strategy": "native"}, [100]),
    ],
)
def test_plan_takes_the_shares_of_its_strategy(values: dict[str, object], shares: list[int]) -> None:
    """Each strategy gives the candidate these shares, one after the other."""
    config = DeployConfig.model_validate(values)

    assert [step.percent for step in plan_deploy(config, first=False)] == shares


def test_candidate_is_verified_before_it_gets_its_first_caller() -> None:
    """Wherever traffic can be withheld, known rows come before callers."""
    for strategy in ("canary", "linear", "blue_green", "shadow"):
        plan = plan_deploy(DeployConfig.model_validate({"strategy": strategy}), first=False)

        first_with_callers = next(place for place, step in enumerate(plan) if step.percent)
        assert any(step.verify for step in plan[:first_with_callers])


def test_rollback_waits_for_nothing() -> None:
    """On the way back nothing is baked."""
    assert [step.bake_seconds for step in plan_rollback(DeployConfig())] == [0, 0]
