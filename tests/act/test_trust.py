"""Only this repository's jobs, in the right environment, get credentials: trust policies decide, really evaluated."""

import re

import pytest
from tests.act.changes import edit, pull_request
from tests.act.conftest import Checkout
from tests.act.issuer import Issuer
from tests.act.runner import Host
from tests.act.sts import Sts

pytestmark = pytest.mark.slow
REFUSED = {
    "another repository": {"repository": "someone-else/mortgage-decisions"},
    "a subject without the immutable ids": {"immutable": False},
    "another audience": {"audience": "https://github.com/example-org"},
}


@pytest.mark.parametrize("wrong", REFUSED.values(), ids=REFUSED)
def test_wrong_token_is_refused(host: Host, issuer: Issuer, sts: Sts, wrong: dict[str, str | bool]) -> None:
    """The first job that needs AWS fails at its credentials, and nothing after it runs."""
    for name, value in wrong.items():
        setattr(issuer, name, value)

    run = host.run("cd.yml", "push")

    assert set(run.jobs) == {"Image/Image/Image"}
    # The real action asks again and again.
    assert {claims["environment"] for claims in issuer.issued} == {"dev"}
    assert {arn.rpartition("/")[2] for arn in sts.refused} == {"mortgage-decisions-train-dev"}
    assert any("Could not assume role with OIDC" in error["arg"] for error in run.errors)


def test_wrong_environment_is_refused(host: Host, checkout: Checkout, sts: Sts) -> None:
    """A job in another environment cannot take the role, whatever its workflow asks for."""
    workflow = checkout.folder / ".github/workflows/image.yml"
    text = workflow.read_text(encoding="utf-8")
    role = f"arn:aws:iam::{checkout.project['registry_account']}:role/mortgage-decisions-train-dev"
    text = text.replace("${{ vars.AWS_TRAIN_ROLE }}", role)
    workflow.write_text(
        text.replace("environment: ${{ inputs.environment }}", "environment: staging"), encoding="utf-8"
    )
    checkout.commit("Ask from the wrong environment")

    run = host.run("cd.yml", "push")

    assert sts.refused == [role]
    assert any("Not authorized to perform sts:AssumeRoleWithWebIdentity" in error["arg"] for error in run.errors)


def test_job_without_the_permission_gets_no_token(host: Host, checkout: Checkout, issuer: Issuer) -> None:
    """Without `id-token: write` there is nothing to trade."""
    for path in (checkout.folder / ".github/workflows").glob("*.yml"):
        path.write_text(re.sub(r"\n +id-token: write #.*", "", path.read_text(encoding="utf-8")), encoding="utf-8")
    checkout.commit("Drop the permission")

    run = host.run("cd.yml", "push")

    assert run.code != 0
    assert issuer.issued == []
    assert any("no OIDC request URL" in error["arg"] for error in run.errors)


def test_pull_request_cannot_take_a_role_that_changes_anything(host: Host, checkout: Checkout, sts: Sts) -> None:
    """Whoever writes prod's role into the workflow of a branch is refused: the token says what it was made for."""
    role = f"arn:aws:iam::{checkout.project['accounts']['prod']}:role/mortgage-decisions-deploy-prod"
    edit(checkout.folder, ".github/workflows/ci.yml", "vars.AWS_READ_ROLE", f"'{role}'")
    checkout.commit("Ask for more than reading")

    payload = pull_request(checkout.folder, head=checkout.repository)
    run = host.run("ci.yml", "pull_request", payload, job="rehearse")

    assert sts.refused == [role]
    assert any("Not authorized to perform sts:AssumeRoleWithWebIdentity" in error["arg"] for error in run.errors)
