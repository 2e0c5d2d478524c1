"""What must not be possible is refused, even to a role that somebody gave everything."""

import json

import pytest
from sagemaker_gitops.local.iam.policy import Policy
from tests.engine.infra.delivery import ACCOUNTS, ENVIRONMENTS, PROJECT
from tests.engine.infra.denials import DENIALS, Denial, destroyers, forgers, strangers
from tests.engine.infra.measured import Measured, family


def permitted(measured: Measured, name: str) -> list[Denial]:
    """Return the cases of a kind that are not refused."""
    return [item for item in DENIALS[name](measured) if measured.decide(item.role, item.access)]


@pytest.mark.parametrize("name", DENIALS)
def test_it_is_refused(measured: Measured, name: str) -> None:
    """Every case of the kind, and there are some."""
    assert list(DENIALS[name](measured))
    assert permitted(measured, name) == []


def test_environments_are_apart_in_one_account_too(measured: Measured) -> None:
    """With every environment in the same account, names alone keep dev's roles off prod's resources."""
    together = measured.renamed(dict.fromkeys(ACCOUNTS.values(), "555555555555"))

    assert together.refused(together.asked) == []
    assert [item for item in strangers(together) if together.decide(item.role, item.access)] == []


def test_no_refusal_of_a_boundary_can_be_spared(measured: Measured) -> None:
    """Without any action of a boundary's denials, somebody with everything attached could do one of the cases."""
    spared = []
    for name, boundary in measured.boundaries().items():
        for index, statement in enumerate(boundary.statements()):
            for action in statement["Action"] if statement["Effect"] == "Deny" else ():
                less = measured.with_policy(_without(boundary, index, action))
                cases = (*destroyers(less), *forgers(less))
                if not any(less.decide(item.role, item.access) for item in cases):
                    spared.append((family(name), statement["Sid"], action))

    assert spared == []


def _without(policy: Policy, index: int, action: str) -> Policy:
    statements = [dict(item) for item in policy.statements()]
    statements[index]["Action"] = [name for name in statements[index]["Action"] if name != action]
    return Policy(name=policy.name, document={**policy.document, "Statement": statements})


def test_the_trail_outlives_an_administrator(measured: Measured) -> None:
    """The bucket's own policy refuses to delete a file, to people without any boundary as well."""
    for env, account in ENVIRONMENTS.items():
        policy = measured.resource_policies[f"{PROJECT}-audit-{account}"]
        (refusal,) = [item for item in policy.statements() if item["Sid"] == "NobodyDeletes"]

        assert refusal["Principal"] == "*", env
        assert "Condition" not in refusal
        assert json.dumps(refusal["Action"]) == '["s3:DeleteObject", "s3:DeleteObjectVersion"]'
