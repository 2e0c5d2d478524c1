"""The function that works without GitHub reads and writes the ledger exactly as the pipeline does."""

import importlib.util
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from hypothesis import given
from hypothesis import strategies as st
from moto import mock_aws
from sagemaker_gitops.aws.lease import Lease
from sagemaker_gitops.release.ledger import GENESIS, Entry, parse
from sagemaker_gitops.release.state import RollbackPolicy, fold, objection
from tests.engine.release.rig import release
from tests.sample import ROOT

CODE = ROOT / "infra/lib/respond.py"
MOMENT = datetime(2026, 11, 23, 12, tzinfo=UTC)
LINES = st.tuples(
    st.sampled_from(["deploy", "rollback", "repair", "clean", "step", "abort", "refuse", "drill", "monitor"]),
    st.sampled_from(["started", "promoted", "rolled_back", "failed", "refused", "succeeded", "decided"]),
    st.integers(1, 4),
)


@pytest.fixture(scope="module")
def respond() -> Any:
    """Load the function's code from where bootstrap takes it."""
    spec = importlib.util.spec_from_file_location("respond", CODE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _entry(
    action: str,
    outcome: str,
    version: int,
    *,
    sequence: int = 1,
    previous: str = GENESIS,
    finished: datetime = MOMENT,
) -> Entry:
    return Entry.model_validate(
        {
            "environment": "prod",
            "sequence": sequence,
            "action": action,
            "outcome": outcome,
            "release": release(version).model_dump(),
            "from": {"v1": 100},
            "to": {"v1": 0.0, "v2": 100.0},
            "actor": "response to an operator",
            "reason": 'a "quoted" reason: größer',
            "strategy": "all_at_once",
            "started": MOMENT,
            "finished": finished,
            "previous": previous,
        }
    ).sealed()


@given(lines=st.lists(LINES, max_size=30))
def test_function_and_pipeline_agree_on_every_ledger(respond: Any, lines: list[tuple[str, str, int]]) -> None:
    """Whatever was written: what serves, what came before, and whether something is unfinished."""
    entries = [_entry(*line, sequence=number) for number, line in enumerate(lines, start=1)]

    theirs, ours = fold(entries), respond.fold([json.loads(entry.text()) for entry in entries])

    assert ours.serving == (theirs.serving.model_dump(mode="json") if theirs.serving else None)
    assert ours.previous == (theirs.previous.model_dump(mode="json") if theirs.previous else None)
    assert bool(ours.opened) == bool(theirs.rollout)


@given(lines=st.lists(LINES, max_size=30), hours=st.lists(st.integers(0, 9), min_size=30, max_size=30))
def test_function_and_pipeline_keep_the_same_limits(
    respond: Any, lines: list[tuple[str, str, int]], hours: list[int]
) -> None:
    """Whatever was written when: both go back to the same release, or both refuse for the same reason."""
    times = [MOMENT + timedelta(hours=sum(hours[: place + 1])) for place in range(len(lines))]
    entries = [
        _entry(*line, sequence=number, finished=time)
        for number, (line, time) in enumerate(zip(lines, times, strict=True), start=1)
    ]
    now = (times[-1] if times else MOMENT) + timedelta(hours=1)
    environ = {"COOLDOWN_MINUTES": "360", "MAXIMUM_PER_DAY": "2"}

    state, limits = fold(entries), RollbackPolicy(cooldown=timedelta(minutes=360), maximum_per_day=2)
    against = objection(entries, state, limits, now=now)

    theirs = respond.fold([json.loads(entry.text()) for entry in entries])
    if against:
        with pytest.raises(respond.Refused, match=re.escape(against)):
            respond.target(theirs, respond.Limits(environ, now=now))
    else:
        assert state.fallback
        target = respond.target(theirs, respond.Limits(environ, now=now))
        assert target == state.fallback.model_dump(mode="json")


def test_entry_of_the_function_is_one_of_the_ledger(respond: Any) -> None:
    """Canonical text and hash are the pipeline's, so that nobody takes the entry for an alteration."""
    entry = _entry("rollback", "promoted", 1)
    written = {key: value for key, value in json.loads(entry.text()).items() if key != "hash"}

    text = respond.sealed(written)

    assert text == entry.text()
    assert parse(text).digest() == parse(text).hash


def test_variant_is_named_as_the_pipeline_names_it(respond: Any) -> None:
    """The release on standby is found by its variant's name."""
    assert respond.variant(release(3).model_dump()) == release(3).variant


def _standing(respond: Any, *lines: tuple[str, str, int]) -> Any:
    entries = [_entry(*line, sequence=number) for number, line in enumerate(lines, start=1)]
    return respond.fold([json.loads(entry.text()) for entry in entries])


def _limits(respond: Any, *, minutes_later: int = 600, maximum: int = 2) -> Any:
    environ = {"COOLDOWN_MINUTES": "360", "MAXIMUM_PER_DAY": str(maximum)}
    return respond.Limits(environ, now=MOMENT + timedelta(minutes=minutes_later))


V1, V2 = ("deploy", "promoted", 1), ("deploy", "promoted", 2)


@pytest.mark.parametrize(
    ("lines", "version"),
    [
        ([V1, V2], 1),
        ([V1, V2, ("deploy", "started", 3)], 2),
        ([V1, V2, ("deploy", "started", 3), ("deploy", "rolled_back", 3)], 1),
        ([V1, V2, ("rollback", "promoted", 1), ("deploy", "promoted", 3)], 1),
        ([V1, V2, ("rollback", "promoted", 1), ("deploy", "started", 3)], 1),
        ([V1, V2, ("rollback", "started", 1)], 1),
    ],
    ids=["former", "tried", "refused candidate", "after a rollback", "tried after a rollback", "begun rollback"],
)
def test_last_known_good_release_is_the_target(respond: Any, lines: list[tuple[str, str, int]], version: int) -> None:
    """What served before; while a candidate is being tried, what serves beside it."""
    assert respond.target(_standing(respond, *lines), _limits(respond))["version"] == version


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [V1],
        [V1, V2, ("rollback", "promoted", 1)],
        [("deploy", "promoted", 4), V1, V2, ("rollback", "promoted", 1), ("deploy", "rolled_back", 3)],
    ],
    ids=["nothing", "first release", "rolled back", "rolled back, then a candidate refused"],
)
def test_nothing_is_below_the_last_known_good_release(respond: Any, lines: list[tuple[str, str, int]]) -> None:
    """Where no earlier release is known to be good, nothing moves."""
    with pytest.raises(respond.Refused, match="no earlier release"):
        respond.target(_standing(respond, *lines), _limits(respond))


BACK_AND_FORTH = [V1, V2, ("rollback", "promoted", 1), V2]


@pytest.mark.parametrize(
    ("minutes_later", "maximum", "told"), [(60, 2, "it cools down"), (600, 1, "1 in the last 24 hours; 1 are allowed")]
)
def test_rollbacks_are_limited(respond: Any, minutes_later: int, maximum: int, told: str) -> None:
    """Neither soon after the last one, nor more often than allowed a day."""
    standing = _standing(respond, *BACK_AND_FORTH)

    with pytest.raises(respond.Refused, match=told):
        respond.target(standing, _limits(respond, minutes_later=minutes_later, maximum=maximum))

    assert respond.target(standing, _limits(respond, minutes_later=1441, maximum=1))["version"] == 1


def test_fleet_of_the_guardrails_has_no_standby(respond: Any) -> None:
    """Under the strategy native there are no weights to move; the function says so, and what brings the release up."""
    told = respond._not_there(release(1).model_dump(), {"serving": 100.0})

    assert "native keeps no standby" in told
    assert "pipeline rollback" in told


@pytest.mark.parametrize("suspect", ["", "serving", release(2).variant])
def test_alarm_of_what_serves_is_heard(respond: Any, suspect: str) -> None:
    """The monitor suspects no variant; a fleet of the guardrails has one, whatever release it serves."""
    respond._require_to_serve(_standing(respond, V1, V2), suspect)


def test_alarm_of_another_variant_is_refused(respond: Any) -> None:
    """Nobody depends on it."""
    with pytest.raises(respond.Refused, match="about another variant"):
        respond._require_to_serve(_standing(respond, V1, V2), release(1).variant)


def _place(respond: Any, actor: str) -> Any:
    names = ("ENVIRONMENT", "ENDPOINT", "LEDGER_TABLE", "LEDGER_BUCKET", "LEASE_TABLE", "ACTIVE_TABLE")
    numbers = {"LEDGER_DAYS": "1", "COOLDOWN_MINUTES": "1", "MAXIMUM_PER_DAY": "1"}
    return respond.Place({name: name.lower() for name in names} | numbers, actor=actor)


@mock_aws
@pytest.mark.parametrize("other", ["function", "deploy"])
def test_of_two_that_begin_together_one_moves_traffic(
    respond: Any, monkeypatch: pytest.MonkeyPatch, other: str
) -> None:
    """Both found the lease free; what has been taken since is nobody's to steal, even for an operator."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION"):
        monkeypatch.setenv(name, "eu-west-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    dynamodb = boto3.client("dynamodb")
    dynamodb.create_table(
        TableName="lease_table",
        BillingMode="PAY_PER_REQUEST",
        AttributeDefinitions=[{"AttributeName": "endpoint", "AttributeType": "S"}],
        KeySchema=[{"AttributeName": "endpoint", "KeyType": "HASH"}],
    )
    first, second = _place(respond, "first"), _place(respond, "second")
    assert (first.holder(), second.holder()) == ("", "")

    if other == "function":
        first.take_over()
    else:
        held = Lease(dynamodb, table="lease_table").acquire("endpoint", "a deploy", now=0.0, seconds=60)
        assert held is not None

    with pytest.raises(respond.Refused, match="just begun to change the endpoint"):
        second.take_over()
    assert second.holder() == ("first" if other == "function" else "")
    assert int(second.take_over()) > 1
