"""From an event to a workflow: what the stacks' rules send, to whom, and whether the receiver understands it."""

import json
import re
from collections.abc import Mapping
from itertools import product
from typing import Any

import pytest
import yaml
from sagemaker_gitops.local.cloudformation.intrinsics import Evaluator, Physical
from sagemaker_gitops.local.cloudformation.template import evaluate_parameters, parse_template, resolve_parameters
from sagemaker_gitops.local.events.inputs import input_of
from sagemaker_gitops.local.events.patterns import matches_pattern
from sagemaker_gitops.local.server import model
from sagemaker_gitops.local.server.context import Document, Place
from tests.engine.github import description
from tests.sample import ROOT

SECRET = "github-token"  # the name of one
VARIANT = "v3-ab12cd34"
COMMON = {"Project": "loan-approval", "Scope": "prod"}
LIMITS = {"LedgerDays": "365", "CooldownMinutes": "360", "MaximumPerDay": "2"}
CONFIGURATIONS = list(product(["", SECRET], ["true", "false"]))
RULE = {"Arn": "arn:aws:events:eu-west-1:111111111111:rule/x", "Name": "x"}


def rules(secret: str, unattended: str) -> dict[str, Document]:
    """Evaluate the rules that both stacks make with a configuration, by their logical names."""
    dispatch = {"Repository": "example-bank/loan-approval", "DispatchSecret": secret, "Unattended": unattended}
    return {
        **_resources("observability", COMMON, "AWS::Events::Rule"),
        # Without a secret there is no such stack.
        **(_resources("dispatch", {**COMMON, **dispatch}, "AWS::Events::Rule") if secret else {}),
        **_resources("response", {**COMMON, **LIMITS, "Unattended": unattended}, "AWS::Events::Rule"),
    }


def _resources(concern: str, given: Mapping[str, str], kind: str) -> dict[str, Document]:
    template = parse_template((ROOT / f"infra/lib/{concern}.yml").read_text())
    place = Place(account="111111111111", region="eu-west-1")
    values = evaluate_parameters(
        template, resolve_parameters(template, given), place=place, stack_name=concern, stack_id=concern
    )
    evaluator = Evaluator(template, values, _somewhere)
    return {
        name: evaluator.properties(item.properties)
        for name, item in template.resources.items()
        if item.type == kind and evaluator.condition(item.condition)
    }


def _somewhere(name: str) -> Physical:
    arn = f"arn:aws:events:eu-west-1:111111111111:connection/{name}/1"
    return Physical(identifier=arn, attributes={"Arn": arn})


def found(*reactions: str) -> Document:
    """Describe an event of the monitor."""
    detail = {
        "environment": "prod",
        "reason": 'drift of income; $(id) "quoted"',
        "release": {"version": 3, "fingerprint": "ab12"},
        "reactions": list(reactions),
    }
    return _event("pipeline.monitor", "Monitoring Result", detail)


def rings(kind: str, *, state: str = "ALARM") -> Document:
    """Describe an alarm's event."""
    told = {"value": state, "reason": "Threshold Crossed: 1 datapoint [5.0 (26/11/26 02:00:00)]"}
    detail = {"alarmName": f"loan-approval-prod-{VARIANT}-{kind}", "state": told}
    return _event("aws.cloudwatch", "CloudWatch Alarm State Change", detail)


def _event(source: str, kind: str, detail: Document) -> Document:
    return {"source": source, "detail-type": kind, "time": "2026-11-26T02:00:00Z", "detail": detail}


def dispatched(made: Mapping[str, Document], event: Document) -> list[Document]:
    """Return what GitHub is sent about an event."""
    return [
        json.loads(input_of(target, event, RULE))
        for rule in made.values()
        if matches_pattern(rule["EventPattern"], event)
        for target in rule["Targets"]
        if "/GitHub/" in target["Arn"]
    ]


def responds(made: Mapping[str, Document], event: Document) -> bool:
    """Tell whether the function that rolls back is started by itself."""
    return any(
        rule.get("State", "ENABLED") == "ENABLED" and "/Respond/" in target["Arn"]
        for rule in made.values()
        if matches_pattern(rule["EventPattern"], event)
        for target in rule["Targets"]
    )


def started(body: Document) -> dict[str, str]:
    """Return the texts of the workflows that GitHub starts for a dispatch, by their files' names."""
    found = {}
    for path in (ROOT / ".github/workflows").glob("*.yml"):
        text = path.read_text()
        triggers = yaml.load(text, yaml.BaseLoader)["on"]  # noqa: S506 - it builds texts alone, and leaves `on` one
        types = triggers.get("repository_dispatch", {}).get("types", []) if isinstance(triggers, dict) else []
        if body["event_type"] in types:
            found[path.name] = text
    return found


def rolls_back(body: Document) -> bool:
    """Tell whether rollback.yml acts on a dispatch, by the condition of its job."""
    reactions = body["client_payload"].get("reactions", [])
    return body["event_type"] != "model-drift" or "rollback" in reactions


@pytest.mark.parametrize(("secret", "unattended"), CONFIGURATIONS)
@pytest.mark.parametrize(
    "event",
    [found("page", "rollback"), found("page", "retrain", "rollback"), rings("errors"), rings("latency")],
    ids=["quality", "quality and drift", "errors", "latency"],
)
def test_one_at_most_rolls_back(event: Document, secret: str, unattended: str) -> None:
    """GitHub or the function, never both; with neither configured nobody, and the page remains."""
    made = rules(secret, unattended)

    on_github = sum(map(rolls_back, dispatched(made, event)))

    assert on_github + responds(made, event) == (1 if secret or unattended == "true" else 0)
    assert responds(made, event) is (unattended == "true")


@pytest.mark.parametrize(("secret", "unattended"), CONFIGURATIONS)
def test_training_is_asked_of_github_alone(secret: str, unattended: str) -> None:
    """Once, with the version to beat, also where AWS rolls back by itself."""
    bodies = dispatched(rules(secret, unattended), found("page", "retrain"))

    assert len(bodies) == bool(secret)
    for body in bodies:
        assert body["client_payload"]["reactions"][-1] == "retrain"
        assert body["client_payload"]["champion"] == 3


@pytest.mark.parametrize(("secret", "unattended"), CONFIGURATIONS)
@pytest.mark.parametrize(
    "event",
    [found(), found("page"), rings("overhead"), rings("errors", state="OK")],
    ids=["ok", "page", "overhead", "recovered"],
)
def test_nothing_is_started_that_the_policy_does_not_ask_for(event: Document, secret: str, unattended: str) -> None:
    """A page, SageMaker's own overhead and an alarm that ends move nothing."""
    made = rules(secret, unattended)

    assert dispatched(made, event) == []
    assert not responds(made, event)


def test_event_of_another_environment_is_not_ours() -> None:
    """Environments may share an account, and so its bus."""
    event = found("page", "retrain", "rollback")
    event["detail"]["environment"] = "staging"

    assert dispatched(rules(SECRET, "false"), event) == []


@pytest.mark.parametrize("event", [found("page", "retrain", "rollback"), rings("errors")], ids=["drift", "alarm"])
def test_github_takes_what_it_is_sent(event: Document) -> None:
    """The body is a repository_dispatch by GitHub's description, and quotes of a reason do not break it."""
    call = description.find("POST", "/repos/example-bank/loan-approval/dispatches")
    assert call

    (body,) = dispatched(rules(SECRET, "false"), event)

    assert call.complaints(body) == []
    reason = event["detail"].get("reason") or event["detail"]["state"]["reason"]
    assert body["client_payload"]["reason"] == reason


def test_description_refuses_a_wrong_dispatch() -> None:
    """The check above can fail."""
    call = description.find("POST", "/repos/example-bank/loan-approval/dispatches")
    assert call

    assert call.complaints({"event_type": "x" * 101})
    assert call.complaints({"event_type": "x", "client_payload": {str(number): 0 for number in range(11)}})


def test_receivers_read_what_senders_send() -> None:
    """Each type has a sender, each sender a workflow, each field a reader, and nobody reads what is not sent."""
    bodies = [
        body
        for event in (found("retrain", "rollback"), rings("errors"))
        for body in dispatched(rules(SECRET, "false"), event)
    ]
    workflows = {name: text for body in bodies for name, text in started(body).items()}

    read = {field for text in workflows.values() for field in re.findall(r"event\.client_payload\.(\w+)", text)}
    declared = {
        kind
        for text in workflows.values()
        for kind in yaml.load(text, yaml.BaseLoader)["on"]["repository_dispatch"]["types"]  # noqa: S506
    }
    assert {body["event_type"] for body in bodies} == declared == {"model-drift", "model-alarm"}
    assert {field for body in bodies for field in body["client_payload"]} == read
    assert set(workflows) == {"operate.yml", "rollback.yml"}
    for body in bodies:
        for text in started(body).values():
            unsent = set(re.findall(r"event\.client_payload\.(\w+)", text)) - body["client_payload"].keys()
            assert unsent <= {"alarm", "champion", "reactions"}


@pytest.mark.parametrize(("secret", "unattended"), CONFIGURATIONS)
def test_eventbridge_takes_the_rules(secret: str, unattended: str) -> None:
    """Rules, targets, connection and destination fit the service's own model, patterns and lengths included."""
    given = {"Repository": "example-bank/loan-approval", "DispatchSecret": SECRET, "Unattended": unattended}
    own = ("Name", "Description", "State")

    for rule in rules(secret, unattended).values():
        request = {name: rule[name] for name in own if name in rule}
        model.check(model.operation("events", "PutRule"), {**request, "EventPattern": json.dumps(rule["EventPattern"])})
        model.check(model.operation("events", "PutTargets"), {"Rule": rule["Name"], "Targets": rule["Targets"]})
    for kind, operation in (("Connection", "CreateConnection"), ("ApiDestination", "CreateApiDestination")):
        (properties,) = _resources("dispatch", {**COMMON, **given}, f"AWS::Events::{kind}").values()
        revealed = re.sub(r"\{\{resolve:[^}]+\}\}", "github_pat_11", json.dumps(properties))
        model.check(model.operation("events", operation), json.loads(revealed))


def test_token_is_read_from_its_secret() -> None:
    """No token stands in a parameter, where everybody who may describe the stack would read it."""
    given: dict[str, Any] = {"Repository": "example-bank/loan-approval", "DispatchSecret": SECRET}

    (connection,) = _resources("dispatch", {**COMMON, **given}, "AWS::Events::Connection").values()

    key = connection["AuthParameters"]["ApiKeyAuthParameters"]
    assert key == {
        "ApiKeyName": "Authorization",
        "ApiKeyValue": f"Bearer {{{{resolve:secretsmanager:{SECRET}:SecretString}}}}",
    }
