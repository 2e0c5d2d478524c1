"""The breaking-change check: what breaks a caller is found, what does not is let through."""

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import pytest
from sagemaker_gitops.project import api_changes as api

Document = dict[str, Any]
Edit = Callable[[Document], object]


def operation(document: Document) -> Document:
    """Reach the prediction."""
    found: Document = document["paths"]["/invocations"]["post"]
    return found


def schema(document: Document, name: str) -> Document:
    """Reach a shared schema."""
    found: Document = document["components"]["schemas"][name]
    return found


BREAKING: dict[str, tuple[Edit, str]] = {
    "operation removed": (lambda d: d["paths"].pop("/ping"), "GET /ping was removed"),
    "request content type removed": (
        lambda d: operation(d)["requestBody"]["content"].pop("text/csv"),
        "text/csv is no longer accepted",
    ),
    "response content type removed": (
        lambda d: operation(d)["responses"]["200"].update(content={}),
        "application/json is no longer answered",
    ),
    "status removed": (lambda d: operation(d)["responses"].pop("200"), "status 200 is no longer answered"),
    "header removed": (
        lambda d: operation(d)["responses"]["200"].pop("headers"),
        "header X-Version is no longer answered",
    ),
    "parameter required": (
        lambda d: operation(d)["parameters"].append({"in": "query", "name": "q", "required": True}),
        "query parameter q is now required",
    ),
    "feature removed": (lambda d: schema(d, "Row")["properties"].pop("single"), "single is no longer accepted"),
    "feature required": (lambda d: schema(d, "Row")["required"].append("single"), "single is now required"),
    "range narrowed": (
        lambda d: schema(d, "Row")["properties"]["pirat"].update(maximum=3),
        "maximum is now 3, it was 5",
    ),
    "limit introduced": (
        lambda d: schema(d, "Row").update(maxProperties=1),
        "maxProperties is now 1, it was open",
    ),
    "category removed": (
        lambda d: schema(d, "Row")["properties"]["single"].update(enum=["no"]),
        "no longer accepted: yes",
    ),
    "type changed": (
        lambda d: schema(d, "Row")["properties"]["pirat"].update(type="string"),
        "type integer, number is no longer accepted",
    ),
    "answer's field removed": (
        lambda d: schema(d, "Answer")["properties"].pop("label"),
        "label is no longer answered",
    ),
    "answer's field optional": (lambda d: schema(d, "Answer")["required"].clear(), "label is no longer required"),
    "label added": (
        lambda d: schema(d, "Answer")["properties"]["label"].update(enum=["no", "yes", "maybe"]),
        "may now be answered: maybe",
    ),
    "item type changed": (
        lambda d: schema(d, "Answer")["properties"]["rows"].update(items={"type": ["number", "null"]}),
        "type null may now be answered",
    ),
}

HARMLESS: dict[str, Edit] = {
    "description reworded": lambda d: d["info"].update(description="Other words"),
    "operation added": lambda d: d["paths"].update({"/metrics": {"get": {"responses": {}}}}),
    "optional feature added": lambda d: schema(d, "Row")["properties"].update(new={"type": "number"}),
    "range widened": lambda d: schema(d, "Row")["properties"]["pirat"].update(maximum=9),
    "category added": lambda d: schema(d, "Row")["properties"]["single"].update(enum=["no", "yes", "?"]),
    "answer's field added": lambda d: schema(d, "Answer")["properties"].update(extra={"type": "number"}),
    "answer's field required": lambda d: schema(d, "Answer")["required"].append("rows"),
    "schema moved": lambda d: d["components"]["schemas"].update(Other=deepcopy(schema(d, "Row"))),
}


@pytest.mark.parametrize("name", BREAKING)
def test_breaking_change_is_found(description: Document, name: str) -> None:
    """One message a breaking change, and no other."""
    edit, message = BREAKING[name]
    before = deepcopy(description)

    edit(description)

    assert [item.message for item in api.breaking(before, description)] == [message]


@pytest.mark.parametrize("name", HARMLESS)
def test_harmless_change_is_let_through(description: Document, name: str) -> None:
    """Whoever called the older API can call the newer one."""
    before = deepcopy(description)

    HARMLESS[name](description)

    assert api.breaking(before, description) == ()


def test_fewer_alternatives_break_who_sends_and_more_break_who_receives(description: Document) -> None:
    """A choice reads from the side of the caller."""
    one, two = {"oneOf": [{"type": "string"}]}, {"oneOf": [{"type": "string"}, {"type": "number"}]}
    sent, answered = deepcopy(description), deepcopy(description)
    sent["components"]["schemas"]["Row"]["properties"]["pirat"] = two
    answered["components"]["schemas"]["Answer"]["properties"]["label"] = one
    sent_now, answered_now = deepcopy(sent), deepcopy(answered)
    sent_now["components"]["schemas"]["Row"]["properties"]["pirat"] = one
    answered_now["components"]["schemas"]["Answer"]["properties"]["label"] = two

    assert [b.message for b in api.breaking(sent, sent_now)] == ["oneOf lists 1 schemas, it was 2"]
    assert [b.message for b in api.breaking(answered, answered_now)] == ["oneOf lists 2 schemas, it was 1"]


def test_only_a_major_version_announces_breaks(description: Document) -> None:
    """1.9.0 to 2.0.0 allows what 1.0.0 to 1.9.0 does not."""
    minor, major = deepcopy(description), deepcopy(description)
    minor["info"]["version"], major["info"]["version"] = "1.9.0", "2.0.0"

    assert not api.allows_breaks(description, minor)
    assert api.allows_breaks(minor, major)
