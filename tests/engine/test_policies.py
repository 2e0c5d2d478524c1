"""infra/lib grants by name: every action spelled out, and `Resource: "*"` only where AWS knows no resource."""

import json
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from tests.bake import ROOT as REPOSITORY
from tests.engine.policies import Held, listed, of_roles, policies

# AWS's tables name a dataset as the resource of these two, and no metric is part of one: PutMetricData is narrowed
# by its namespace instead.
WITHOUT_NAMES = frozenset({"cloudwatch:GetMetricData", "cloudwatch:PutMetricData"})


@cache
def facts() -> dict[str, Any]:
    """Return AWS's service authorization reference, as the pinned cfn-lint carries it."""
    path = files("cfnlint.data.AdditionalSpecs").joinpath("Policies.json")
    known: dict[str, Any] = json.loads(path.read_text())
    return known


def resources(action: str) -> list[str]:
    """Return the kinds of resource that an action can be granted on."""
    service, _, name = action.partition(":")
    kinds: list[str] = facts()[service]["Actions"][name.lower()].get("Resources", [])
    return kinds


def everywhere(held: Held) -> set[str]:
    """Return the actions that a policy allows on every resource."""
    granted = [item for item in held.statements() if item["Effect"] == "Allow" and "*" in listed(item["Resource"])]
    return {action for item in granted for action in listed(item["Action"])}


def test_star_stands_where_aws_knows_no_resource() -> None:
    """In every role and every boundary."""
    found = {(held.holder, action) for held in policies() if held.kind != "resource" for action in everywhere(held)}

    assert found
    assert {item for item in found if resources(item[1]) and item[1] not in WITHOUT_NAMES} == set()


def test_metrics_are_written_into_named_namespaces_alone() -> None:
    """What has no resource is narrowed by a condition where AWS has one."""
    for held in of_roles():
        for item in held.statements():
            if "cloudwatch:PutMetricData" in listed(item["Action"]):
                assert any("cloudwatch:namespace" in keys for keys in item["Condition"].values()), held.holder


def test_roles_are_granted_actions_by_name() -> None:
    """No pattern, and no action that AWS does not have."""
    for held in of_roles():
        for item in held.statements():
            for action in listed(item["Action"]):
                service, _, name = action.partition(":")
                assert name.lower() in facts()[service]["Actions"], f"{held.holder}: {action}"


def test_every_statement_says_what_it_is_for() -> None:
    """By a Sid that no other statement of its policy has."""
    for held in policies():
        sids = [item["Sid"] for item in held.statements()]
        assert len(set(sids)) == len(sids), held.holder


def test_reference_names_every_star() -> None:
    """Whoever audits the roles finds each of them."""
    text = Path(REPOSITORY / "docs/reference.md").read_text()
    section = text.partition("## IAM by role")[2]

    for held in of_roles():
        for action in everywhere(held):
            assert f"`{action}`" in section.partition("### Granted on every resource")[2], action
