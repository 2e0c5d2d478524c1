"""Lambda: a function really runs, as its role, and fails as Lambda fails."""

import io
import json
import time
import uuid
import zipfile
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.engine.local.harness import ACCOUNT, REGION, ROLE, LocalAws, eventually

CODE = """
import os, boto3

def handler(event, context):
    if event.get("fail"):
        raise ValueError("no luck")
    return {"who": boto3.client("sts").get_caller_identity()["Arn"], "greeting": os.environ["GREETING"]}
"""
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}


def _function(aws: LocalAws, *, role: str | None = None) -> str:
    """Create a function, by default with a role of its own; return its name."""
    name = f"function-{uuid.uuid4().hex[:8]}"
    if role is None:
        created = aws.client("iam").create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))
        role = created["Role"]["Arn"]
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("index.py", CODE)
    aws.client("lambda").create_function(
        FunctionName=name,
        Runtime="python3.13",
        Handler="index.handler",
        Role=role,
        Timeout=30,
        Environment={"Variables": {"GREETING": "hello"}},
        Code={"ZipFile": packed.getvalue()},
    )
    return name


def _called(aws: LocalAws, name: str, **event: Any) -> tuple[dict[str, Any], bool]:
    answer = aws.client("lambda").invoke(FunctionName=name, Payload=json.dumps(event).encode())
    return json.load(answer["Payload"]), "FunctionError" in answer


def test_function_runs_as_its_role_with_its_variables(aws: LocalAws) -> None:
    """Its answer comes back, and AWS sees its role."""
    name = _function(aws)

    told, failed = _called(aws, name)

    assert not failed
    assert told["greeting"] == "hello"
    assert told["who"] == f"arn:aws:sts::{ACCOUNT}:assumed-role/{name}/{name}"


def test_exception_is_the_functions_error(aws: LocalAws) -> None:
    """The call succeeds, and says that the function did not."""
    told, failed = _called(aws, _function(aws), fail=True)

    assert failed
    assert told == {"errorMessage": "no luck", "errorType": "ValueError"}


def test_function_whose_role_does_not_trust_lambda_is_not_run(aws: LocalAws) -> None:
    """SageMaker's role is not Lambda's."""
    with pytest.raises(ClientError, match=r"lambda\.amazonaws\.com"):
        _called(aws, _function(aws, role=ROLE))


def test_unknown_function_is_not_found(aws: LocalAws) -> None:
    """As Lambda words it."""
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        _called(aws, "nobody")


@pytest.mark.parametrize("permitted", [True, False])
def test_rule_calls_a_function_that_lets_it(aws: LocalAws, permitted: bool) -> None:
    """Without a statement in the function's policy, the event goes nowhere."""
    name, source = _function(aws), f"source-{uuid.uuid4().hex[:8]}"
    rule = aws.client("events").put_rule(Name=source, EventPattern=json.dumps({"source": [source]}))["RuleArn"]
    arn = f"arn:aws:lambda:{REGION}:{ACCOUNT}:function:{name}"
    aws.client("events").put_targets(Rule=source, Targets=[{"Id": "1", "Arn": arn, "Input": "{}"}])
    if permitted:
        aws.client("lambda").add_permission(
            FunctionName=name,
            StatementId="rule",
            Action="lambda:InvokeFunction",
            Principal="events.amazonaws.com",
            SourceArn=rule,
        )

    aws.client("events").put_events(Entries=[{"Source": source, "DetailType": "any", "Detail": "{}"}])

    if permitted:
        assert eventually(lambda: _invocations(aws, name), bool) == 1
    else:
        time.sleep(2)  # longer than the permitted call takes
        assert _invocations(aws, name) == 0


def _invocations(aws: LocalAws, name: str) -> int:
    lines = aws.folder.calls.read_text().splitlines()
    calls = [json.loads(line) for line in lines if name in line]
    return sum(1 for call in calls if call["operation"] == "GetCallerIdentity")
