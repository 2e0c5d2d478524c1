"""The HTTP front: what API Gateway takes, by its documentation; the embedded AWS has no API Gateway."""

import json
from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops.local.cloudformation.template import parse_template
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stacks import infrastructure
from sagemaker_gitops.stages.foundation import look


class Account:
    """An AWS account in which API Gateway may write logs as a role already."""

    def __init__(self, role: str) -> None:
        self._role = role
        self.stacks = self

    def account(self) -> str:
        """Say which account it is."""
        return "111111111111"

    def status(self, _name: str) -> None:
        """Have no stack."""

    def oidc_audiences(self, _host: str) -> None:
        """Trust nobody."""

    def api_gateway_log_role(self) -> str:
        """Name the role."""
        return self._role


@pytest.fixture
def settings(checkout: Path) -> Settings:
    """Switch the front on."""
    path = checkout / "infra/config/dev.json"
    front = {"http_front": {"requests_per_second": 20, "burst": 40}}
    path.write_text(json.dumps(json.loads(path.read_text()) | front))
    return Settings.load(checkout, "dev", {})


def front(settings: Settings) -> infrastructure.Stack:
    """Return the front's stack."""
    return next(stack for stack in infrastructure.stacks(settings) if stack.concern == "front")


def test_roles_of_api_gateway_ask_for_no_account(settings: Settings) -> None:
    """It sends no aws:SourceAccount when it assumes an integration's role."""
    resources = parse_template(front(settings).template).resources
    roles = [item for item in resources.values() if item.type == "AWS::IAM::Role"]

    statements = [one for role in roles for one in role.properties["AssumeRolePolicyDocument"]["Statement"]]

    assert len(statements) == 2
    assert [item for item in statements if "Condition" in item] == []


def test_stage_comes_after_the_role_that_it_logs_by(settings: Settings) -> None:
    """A stage with logs is refused while the account has none: AWS::ApiGateway::Account sets it."""
    resources = parse_template(front(settings).template).resources

    role = next(name for name, item in resources.items() if item.type == "AWS::ApiGateway::Account")
    stage = next(item for item in resources.values() if item.type == "AWS::ApiGateway::Stage")

    assert role in stage.references


def test_another_interface_is_another_deployment(settings: Settings) -> None:
    """API Gateway shows what a deployment took when it was made; one whose name stays shows it for ever."""

    def deployed() -> tuple[str, Any]:
        resources = parse_template(front(settings).template).resources
        (name,) = (name for name, item in resources.items() if item.type == "AWS::ApiGateway::Deployment")
        (stage,) = (item for item in resources.values() if item.type == "AWS::ApiGateway::Stage")
        return name, stage.properties["DeploymentId"]

    before = deployed()
    path = settings.root / "infra/lib/front.yml"
    path.write_text(path.read_text().replace("TimeoutInMillis: 29000", "TimeoutInMillis: 28000"))
    after = deployed()

    assert before[0] != after[0]
    assert (before[1], after[1]) == ({"Ref": before[0]}, {"Ref": after[0]})


@pytest.mark.parametrize(
    ("role", "sets"), [("", "true"), ("loan-approval-front-logs-dev", "true"), ("another-team", "false")]
)
def test_role_that_somebody_else_set_is_kept(settings: Settings, role: str, sets: str) -> None:
    """An account has one for each region."""
    account: Any = Account(role)

    own = look(settings, account).own

    assert next(stack for stack in own if stack.concern == "front").parameters["SetLogRole"] == sets
