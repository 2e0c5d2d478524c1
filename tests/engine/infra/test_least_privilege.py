"""Each role holds what the loop needs, and nothing else: measured over a whole delivery, and judged anew offline."""

import json
from collections import defaultdict
from collections.abc import Iterator

from sagemaker_gitops.local.iam.policy import Policy
from tests.engine.infra.beyond import beyond
from tests.engine.infra.measured import Measured, family
from tests.sample import ROOT

_ROLES = {"train-dev", "read", "training", "orchestration", "rollback-prod"} | {
    f"{purpose}-{env}"
    for purpose in ("caller", "deploy", "historian", "inference", "ingester", "monitor", "monitoring", "responder")
    for env in ("dev", "staging", "prod")
}


def actions(policy: Policy) -> set[str]:
    """Return what a policy allows, as it is written."""
    granted = [item for item in policy.statements() if item["Effect"] == "Allow"]
    return {name for item in granted for name in listed(item["Action"])}


def listed(value: str | list[str]) -> list[str]:
    """Return one or many as many."""
    return [value] if isinstance(value, str) else value


def test_the_recording_is_a_whole_delivery(measured: Measured) -> None:
    """Every role was made, and every kind of them was seen at work."""
    seen = {item.role for item in measured.recorded}

    assert set(measured.roles) == _ROLES
    assert {family(name) for name in seen} == {family(name) for name in _ROLES}
    assert len(measured.recorded) > 400


def test_every_call_is_allowed_by_the_policy_of_its_role(measured: Measured) -> None:
    """Policies, boundary and the resource's own policy together, conditions and resources included."""
    assert measured.refused(measured.asked) == []


def test_every_granted_action_is_used(measured: Measured) -> None:
    """What no call of any environment used, and beyond.py does not explain, is granted for nothing."""
    used: dict[str, set[str]] = defaultdict(set)
    for item in measured.asked:
        for policy in measured.roles[item.role].policies:
            used[family(policy.name)].add(item.access.action)

    idle = {(family(name), action) for name, policy in measured.policies().items() for action in actions(policy)}

    assert {(name, action) for name, action in idle if action not in used[name]} == set()


def test_what_is_explained_was_not_seen(measured: Measured) -> None:
    """An explanation that a recorded call has overtaken is out of date."""
    seen = {(item.role, item.access.action, item.access.resource) for item in measured.recorded}

    overtaken = {
        (item.role, item.access.action)
        for item in beyond()
        if (item.role, item.access.action, item.access.resource) in seen
    }

    assert all(item.reason for item in beyond())
    assert overtaken == set()


def without(measured: Measured, policies: dict[str, Policy]) -> Iterator[tuple[str, Measured]]:
    """Take one statement that allows something away after the other, in every environment at once."""
    families: dict[str, list[Policy]] = defaultdict(list)
    for policy in policies.values():
        families[family(policy.name)].append(policy)
    for name, members in families.items():
        for sid in {item["Sid"] for one in members for item in one.statements() if item["Effect"] == "Allow"}:
            less = measured
            for one in members:
                less = less.with_policy(_without(one, sid))
            yield f"{name}: {sid}", less


def _without(policy: Policy, sid: str) -> Policy:
    kept = [item for item in policy.statements() if item.get("Sid") != sid]
    return Policy(name=policy.name, document={**policy.document, "Statement": kept})


def test_no_statement_of_a_role_can_be_spared(measured: Measured) -> None:
    """Without any one of them, some call is refused."""
    spared = [name for name, less in without(measured, measured.policies()) if not less.refused(measured.asked)]

    assert spared == []


def test_no_allowance_of_a_boundary_can_be_spared(measured: Measured) -> None:
    """A boundary is no wider than the roles that it bounds."""
    spared = [name for name, less in without(measured, measured.boundaries()) if not less.refused(measured.asked)]

    assert spared == []


def test_no_sharing_of_a_resource_can_be_spared(measured: Measured) -> None:
    """What buckets, keys, images and models allow to accounts is used by a role of one."""
    spared = []
    for name, policy in measured.resource_policies.items():
        for item in policy.statements():
            if item["Effect"] != "Allow" or "AWS" not in item["Principal"] or _hands_over(item):
                continue
            less = measured.with_resource_policy(name, _without(policy, item["Sid"]))
            if not less.refused(measured.asked):
                spared.append(f"{name}: {item['Sid']}")

    assert spared == []


def _hands_over(statement: dict[str, object]) -> bool:
    # A key without it could never be managed again, by anybody: AWS's default policy has it.
    return statement["Sid"] == "AccountDecidesByIam"


def test_policies_fit_into_what_aws_stores(measured: Measured) -> None:
    """Six thousand characters a managed policy, ten thousand inline in a role, with the longest project name."""
    longer = 32 - len("loan-approval")
    for policy in (*measured.policies().values(), *measured.boundaries().values()):
        text = json.dumps(policy.document, separators=(",", ":"))

        size = len(text) + longer * text.count("loan-approval")

        assert size <= 6144, policy.name


def test_templates_name_the_roles_that_were_measured(measured: Measured) -> None:
    """A role added to infra/lib and never seen here would go unmeasured."""
    root = ROOT / "infra/lib"
    declared = sum(
        (root / name).read_text().count("Type: AWS::IAM::Role\n")
        for name in ("access.yml", "delivery.yml", "features.yml", "response.yml")
    )

    assert declared == len({family(name) for name in measured.roles} - {"caller", "ingester"})
