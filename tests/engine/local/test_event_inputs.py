"""The text that a target gets of an event, as recorded on AWS (LocalStack, test_events_inputs.py)."""

import json
from typing import Any

import pytest
from sagemaker_gitops.local.events.inputs import input_of

EVENT: dict[str, Any] = {
    "version": "0",
    "id": "1",
    "detail-type": "core.update",
    "source": "core",
    "account": "123456789012",
    "time": "2026-11-29T12:00:00Z",
    "region": "us-east-1",
    "resources": [],
    "detail": {"payload": {"acc": "0a7", "sf": "baz"}, "one": ["HIGH"], "two": ["ON", "OFF"], "valid": True},
}
PATHS = {
    name: f"$.detail.{path}"
    for name, path in {
        "p": "payload",
        "acc": "payload.acc",
        "one": "one",
        "two": "two",
        "v": "valid",
        "no": "x",
    }.items()
}
RULE = {"Arn": "arn:aws:events:us-east-1:123456789012:rule/r", "Name": "r"}


def text(template: str) -> str:
    """Fill a template."""
    return input_of({"InputTransformer": {"InputPathsMap": PATHS, "InputTemplate": template}}, EVENT, RULE)


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ('"<p> of <acc>"', '"{acc:0a7,sf:baz} of 0a7"'),
        ('"<one> and <two>"', '"[HIGH] and [ON,OFF]"'),
        ('"is <v>, lacks <no>!"', '"is true, lacks !"'),
        ('"<acc>"\n"<one>"', '"0a7"\n"[HIGH]"'),
        ('"{[/ <acc>"', '"{[/ 0a7"'),
        ('"<aws.events.rule-name> <aws.events.event.ingestion-time>"', '"r 2026-11-29T12:00:00Z"'),
    ],
)
def test_text_loses_the_quotes_of_objects_and_lists(template: str, wanted: str) -> None:
    """A template that is a text."""
    assert text(template) == wanted


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ('{"a": <p>, "b": "x/<acc>/y", "c": <acc>}', {"a": {"acc": "0a7", "sf": "baz"}, "b": "x/0a7/y", "c": "0a7"}),
        ('{"a": [<acc>, "b"], "one": <one>}', {"a": ["0a7", "b"], "one": ["HIGH"]}),
        ('{"a": <no>, "b": "<no>"}', {"a": "", "b": ""}),
        ('{"e": <aws.events.event.json>}', {"e": EVENT}),
    ],
)
def test_json_keeps_values_as_they_are(template: str, wanted: dict[str, Any]) -> None:
    """A template that is an object; what the event lacks is an empty text."""
    assert json.loads(text(template)) == wanted


def test_event_itself_comes_without_detail_and_in_camel_case() -> None:
    """<aws.events.event>."""
    found = json.loads(text('{"e": <aws.events.event>}'))["e"]

    assert found["detailType"] == "core.update"
    assert not {"detail", "detail-type"} & set(found)


@pytest.mark.parametrize("template", ['{"a": "x/<p>"}', '{"a": "<one>"}'])
def test_object_in_a_text_of_json_is_not_delivered(template: str) -> None:
    """Its quotes end the text around it."""
    with pytest.raises(ValueError, match="delimiter"):
        text(template)
