"""The first deployment into an account that somebody uses already, in a region that lacks a resource type."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.engine.conftest import copy_project
from tests.engine.infra.conftest import ACCOUNT, known_to_github, start
from tests.engine.local.harness import collected
from tests.engine.stages.conftest import Laptop

REGION = "eu-north-1"
GITHUB = "token.actions.githubusercontent.com"
PROVIDER = f"arn:aws:iam::{ACCOUNT}:oidc-provider/{GITHUB}"


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laptop]:
    """Start an AWS whose account already trusts GitHub, for a team of another project."""
    root = known_to_github(copy_project(tmp_path_factory.mktemp("used") / "project"), region=REGION)
    try:
        laptop = start(root)
        iam = laptop.client("iam")
        iam.create_open_id_connect_provider(Url=f"https://{GITHUB}", ClientIDList=["another-team"])
        yield laptop
    finally:
        Laptop(root=root, environ={}).run("local", "down")


def test_provider_without_our_audience_is_said_and_left_alone(used: Laptop) -> None:
    """Whoever owns it adds the audience; the command to do so is in the error."""
    told = used.run("bootstrap", "aws", "--env", "dev", "--yes")

    assert told.exit_code != 0
    assert f"--open-id-connect-provider-arn {PROVIDER} --client-id sts.amazonaws.com" in told.stderr
    assert used.client("cloudformation").describe_stacks()["Stacks"] == []


def test_foundation_is_made_around_what_is_there(used: Laptop) -> None:
    """Neither a second provider nor a budget, which CloudFormation does not have here; both are said."""
    # Moto adds no audience to a provider.
    iam = used.client("iam")
    iam.delete_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    iam.create_open_id_connect_provider(Url=f"https://{GITHUB}", ClientIDList=["another-team", "sts.amazonaws.com"])

    told = used.run("bootstrap", "aws", "--env", "dev", "--yes")

    assert told.exit_code == 0, told.stderr
    names = {stack["StackName"] for stack in used.client("cloudformation").describe_stacks()["Stacks"]}
    assert not {"loan-approval-access-account", "loan-approval-cost-dev"} & names
    assert {"loan-approval-access-shared", "loan-approval-access-dev"} <= names
    summary = json.loads(told.stdout)["summary"]
    assert f"the account trusts {GITHUB} already" in summary
    assert "eu-north-1 has no AWS::Budgets::Budget" in summary


def test_what_the_monitor_finds_pages(used: Laptop) -> None:
    """From the event bus through the encrypted topic to whoever subscribed."""
    sqs, sns = used.client("sqs"), used.client("sns")
    url = sqs.create_queue(QueueName="pager")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    (topic,) = sns.list_topics()["Topics"]
    sns.subscribe(TopicArn=topic["TopicArn"], Protocol="sqs", Endpoint=arn, Attributes={"RawMessageDelivery": "true"})
    detail = {"environment": "dev", "reactions": ["page"], "reason": "income drifts"}
    entry = {"Source": "pipeline.monitor", "DetailType": "Monitoring Result", "Detail": json.dumps(detail)}

    used.client("events").put_events(Entries=[entry])

    def taken() -> list[dict[str, Any]]:
        found = sqs.receive_message(QueueUrl=url).get("Messages", [])
        return [json.loads(message["Body"])["detail"] for message in found]

    assert collected(taken, 1) == [detail]


def test_teardown_deletes_nothing_that_others_made(used: Laptop) -> None:
    """The provider is another team's."""
    told = used.run("teardown", "--env", "dev", "--shared", "--data", "--yes")

    assert told.exit_code == 0, told.stderr
    found = used.client("iam").get_open_id_connect_provider(OpenIDConnectProviderArn=PROVIDER)
    assert found["ClientIDList"] == ["another-team", "sts.amazonaws.com"]
