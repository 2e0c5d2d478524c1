from datetime import UTC, datetime, timedelta

import pytest
from pydantic import ValidationError
from sagemaker_gitops.monitor.checks import Subject
from sagemaker_gitops.monitor.policy import Decision, Past, Situation, decide
from sagemaker_gitops.monitor.verdict import Outcome
from sagemaker_gitops.project.monitor_config import Policy, Reaction

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
QUALITY = frozenset({Subject.QUALITY})


def situation(*hours_ago: float, reaction: Reaction = "rollback", fallback: str | None = "v2-00000000") -> Situation:
    """Stand at noon, with reactions some hours ago."""
    past = [Past(time=NOW - timedelta(hours=hours), reaction=reaction) for hours in hours_ago]
    return Situation(now=NOW, fallback=fallback, past=past)


def taken(decisions: tuple[Decision, ...]) -> list[str]:
    """Name the reactions that are taken."""
    return [decision.reaction for decision in decisions if decision.taken]


def test_lost_quality_pages_and_rolls_back() -> None:
    """What a former release would do better is answered by going back to it."""
    assert taken(decide(Outcome.DRIFT, QUALITY, Policy(), situation())) == ["page", "rollback"]


def test_drift_pages_and_retrains_where_the_policy_says_so() -> None:
    """Data drift hits every release, so it never rolls back."""
    policy = Policy(drift=("page", "retrain"))

    assert taken(decide(Outcome.DRIFT, frozenset({Subject.DRIFT}), policy, situation())) == ["page", "retrain"]


@pytest.mark.parametrize("outcome", [Outcome.OK, Outcome.INSUFFICIENT])
def test_nothing_follows_from_nothing(outcome: Outcome) -> None:
    """Neither peace nor too little data makes anybody act."""
    assert decide(outcome, frozenset(), Policy(), situation()) == ()


def test_a_broken_monitor_pages() -> None:
    """Somebody must hear that nobody watches."""
    assert taken(decide(Outcome.BROKEN, frozenset(), Policy(), situation())) == ["page"]


@pytest.mark.parametrize(
    ("state", "reason"),
    [
        (situation(5), "cools down"),
        (situation(7, 20), "2 are allowed"),
        (situation(fallback=None), "no earlier release"),
    ],
    ids=["cool-down", "daily-limit", "nothing-below"],
)
def test_a_rollback_is_withheld(state: Situation, reason: str) -> None:
    """It is withheld during the cool-down, beyond the daily limit, and below the last known good release."""
    page, rollback = decide(Outcome.DRIFT, QUALITY, Policy(), state)

    assert page.taken
    assert not rollback.taken
    assert reason in rollback.reason


def test_a_rollback_is_allowed_again_later() -> None:
    """After the cool-down, and with yesterday's no longer counting, it happens again."""
    assert "rollback" in taken(decide(Outcome.DRIFT, QUALITY, Policy(), situation(7, 25, 30)))


def test_a_retraining_does_not_hold_up_a_rollback() -> None:
    """Each reaction has its own cool-down."""
    assert "rollback" in taken(decide(Outcome.DRIFT, QUALITY, Policy(), situation(1, reaction="retrain")))


def test_a_policy_that_rolls_back_on_drift_is_refused() -> None:
    """The configuration says why, instead of flapping between releases."""
    with pytest.raises(ValidationError, match="the former release sees the same data"):
        Policy(drift=("rollback",))
