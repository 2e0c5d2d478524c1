"""Without GitHub: an event or one line of an operator gives the traffic back to the release on standby."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops.client.resolver import Freshness, Resolver
from tests.engine.stages.conftest import Laptop, started

ENDPOINT = "loan-approval-dev"
FUNCTION = "loan-approval-respond-dev"
ACTIVE = "loan-approval-active-dev"
_TTL_SECONDS = 1.0


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Serve a second release, with the first one on standby, where events may roll back."""
    folder = tmp_path_factory.mktemp("response") / "project"
    with started(folder, PIPELINE__MONITOR__POLICY__UNATTENDED="true") as laptop:
        for trees in ("150", "151"):
            laptop.set_hyperparameters(n_estimators=trees)
            told = [laptop.run(stage, "--env", "dev") for stage in ("train", "test", "register")]
            told.append(laptop.run("deploy", "--env", "dev", "--version", told[-1].outputs["version"]))
            assert [one.exit_code for one in told] == [0, 0, 0, 0], told[-1].stderr
        yield laptop


def _weights(laptop: Laptop) -> dict[str, float]:
    variants = laptop.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)["ProductionVariants"]
    return {item["VariantName"].split("-")[0]: item["CurrentWeight"] for item in variants}


def _invoke(laptop: Laptop, **event: Any) -> dict[str, Any]:
    answer = laptop.client("lambda").invoke(FunctionName=FUNCTION, Payload=json.dumps(event).encode())
    told: dict[str, Any] = json.load(answer["Payload"])
    assert "FunctionError" not in answer, told
    return told


def _history(laptop: Laptop) -> list[dict[str, Any]]:
    assert laptop.run("verify-ledger", "--env", "dev").exit_code == 0
    entries: list[dict[str, Any]] = json.loads(laptop.run("history", "--env", "dev").outputs["entries"])
    return entries


def test_endpoint_that_is_being_changed_is_left_alone(watched: Laptop) -> None:
    """Whoever holds the lease watches the endpoint; an operator may still say that nobody does."""
    table = {"TableName": "loan-approval-lease-dev", "Key": {"endpoint": {"S": ENDPOINT}}}
    values = {":soon": {"N": str(time.time() + 60)}, ":name": {"S": "a deploy"}, ":now": {"N": "0"}}
    dynamodb = watched.client("dynamodb")
    change = {"UpdateExpression": "SET expires = :soon, holder = :name"}
    dynamodb.update_item(**table, **change, ExpressionAttributeValues={k: values[k] for k in (":soon", ":name")})

    told = _invoke(watched, reason="errors")

    dynamodb.update_item(
        **table, UpdateExpression="SET expires = :now", ExpressionAttributeValues={":now": values[":now"]}
    )
    assert told == {"changed": False, "reason": "a deploy is changing the endpoint, and watches it"}
    assert _weights(watched) == {"v1": 0, "v2": 100}
    assert _history(watched)[0]["outcome"] == "refused"


def _ring(laptop: Laptop, version: int) -> dict[str, Any]:
    """Let the alarm on one variant's errors ring, and return the entry that the response leaves."""
    names = [item["AlarmName"] for item in laptop.client("cloudwatch").describe_alarms()["MetricAlarms"]]
    (alarm,) = (name for name in names if f"-v{version}-" in name and name.endswith("-errors"))
    before = len(_history(laptop))
    laptop.client("cloudwatch").set_alarm_state(AlarmName=alarm, StateValue="ALARM", StateReason="one in ten fails")
    end = time.monotonic() + 30
    while len(entries := _history(laptop)) == before and time.monotonic() < end:
        time.sleep(0.5)
    assert entries[0]["actor"] == f"response to alarm {alarm}"
    return entries[0]


def test_alarm_of_the_release_on_standby_moves_nothing(watched: Laptop) -> None:
    """Nobody depends on it; that it rang is written down."""
    entry = _ring(watched, 1)

    assert entry["outcome"] == "refused"
    assert "the alarm is about another variant (one in ten fails)" in entry["reason"]
    assert _weights(watched) == {"v1": 0, "v2": 100}


def _resolver(laptop: Laptop) -> Resolver:
    freshness = Freshness(ttl_seconds=_TTL_SECONDS)
    return Resolver(laptop.client("dynamodb"), table=ACTIVE, endpoint=ENDPOINT, freshness=freshness)


def test_event_of_the_monitor_gives_the_traffic_back(watched: Laptop) -> None:
    """The rule starts the function, the weights flip, callers learn of it, and ledger and reconcile agree."""
    callers = _resolver(watched)
    assert callers.active().version == 2
    detail = {"environment": "dev", "reactions": ["page", "rollback"], "reason": "accuracy fell by 0.12"}
    entry = {"Source": "pipeline.monitor", "DetailType": "Monitoring Result", "Detail": json.dumps(detail)}

    watched.client("events").put_events(Entries=[entry])
    end = time.monotonic() + 60
    while _history(watched)[0]["outcome"] != "promoted" and time.monotonic() < end:
        time.sleep(0.5)

    # The function writes the ledger first, and callers a moment later.
    time.sleep(_TTL_SECONDS + 1)
    newest = _history(watched)[0]
    assert (callers.active().version, callers.active().sequence) == (1, newest["sequence"])
    assert _weights(watched) == {"v1": 100, "v2": 0}
    assert (newest["action"], newest["release"]["version"]) == ("rollback", 1)
    assert (newest["actor"], newest["reason"]) == ("response to the monitor", "accuracy fell by 0.12")
    reconciled = watched.run("reconcile", "--env", "dev")
    assert (reconciled.exit_code, reconciled.outputs["differences"]) == (0, "0"), reconciled.stderr


def test_below_the_last_known_good_release_nothing_moves(watched: Laptop) -> None:
    """An event that comes twice, and an operator who repeats himself, are refused, and that is written down."""
    told = _invoke(watched, reason="still errors", take_over=True)

    assert told == {"changed": False, "reason": "there is no earlier release that is known to be good"}
    assert _weights(watched) == {"v1": 100, "v2": 0}
    assert _history(watched)[0]["action"] == "refuse"
    assert "there is no earlier release" in _ring(watched, 1)["reason"]


def test_weights_moved_past_the_ledger_are_found_and_repaired(watched: Laptop) -> None:
    """A change by hand, which no entry tells, is a difference; applying writes who repaired it, and why."""
    described = watched.client("sagemaker").describe_endpoint(EndpointName=ENDPOINT)["ProductionVariants"]
    wanted = [{"VariantName": item["VariantName"], "DesiredWeight": 50.0} for item in described]
    watched.client("sagemaker").update_endpoint_weights_and_capacities(
        EndpointName=ENDPOINT, DesiredWeightsAndCapacities=wanted
    )

    found = watched.run("reconcile", "--env", "dev")
    repaired = watched.run("reconcile", "--env", "dev", "--apply", "--actor", "operator")

    assert found.exit_code != 0
    assert "weights" in found.stderr or "traffic" in found.stderr
    assert repaired.exit_code == 0, repaired.stderr
    newest = _history(watched)[0]
    assert (newest["actor"], newest["action"], newest["outcome"]) == ("operator", "repair", "succeeded")
    assert _weights(watched) == {"v1": 100, "v2": 0}


def test_rollback_is_seen_by_callers_within_their_time_to_live(watched: Laptop) -> None:
    """A caller that has just asked keeps its answer, and has the new one when that expires; never another."""
    callers = _resolver(watched)
    callers.active()

    back = watched.run("rollback", "--env", "dev", "--to", "2", "--reason", "it was the network")

    assert back.exit_code == 0, back.stderr
    time.sleep(_TTL_SECONDS)
    assert callers.active().version == 2
    status = watched.run("status", "--env", "dev")
    assert "callers are told" not in status.stdout


def test_code_of_the_function_is_the_file(watched: Laptop) -> None:
    """What runs is what was reviewed."""
    text = (watched.root / "infra/lib/respond.py").read_text()

    template = watched.client("cloudformation").get_template(StackName="loan-approval-response-dev")["TemplateBody"]

    assert json.dumps(text) in template if isinstance(template, str) else text in json.dumps(template)
    assert Path(watched.root / "infra/lib/response.yml").is_file()
