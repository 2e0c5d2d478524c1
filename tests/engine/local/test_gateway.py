"""The door: loud about what it does not do, and a record of who called what, in which account."""

import json
import uuid

import pytest
import urllib3
from sagemaker_gitops.local.server.clients import ACCOUNT_HEADER
from tests.engine.local.harness import ACCOUNT, REGION, TRUST, LocalAws, eventually, refused

OTHER = "999988887777"
METRICS = {"TrialComponentName": "t", "MetricData": [{"MetricName": "m", "Timestamp": 1, "Value": 1.0}]}


@pytest.mark.parametrize(
    ("service", "operation", "request_"),
    [
        ("sagemaker", "list_experiments", {}),
        ("sagemaker", "create_monitoring_schedule", {"MonitoringScheduleName": "m", "MonitoringScheduleConfig": {}}),
        ("sagemaker-runtime", "invoke_endpoint_async", {"EndpointName": "e", "InputLocation": "s3://b/k"}),
        ("sagemaker-metrics", "batch_put_metrics", METRICS),
    ],
)
def test_what_is_not_implemented_is_a_501(
    aws: LocalAws, service: str, operation: str, request_: dict[str, object]
) -> None:
    """No operation is faked, and none falls through to moto's SageMaker."""
    client = aws.client(service)

    with pytest.raises(client.exceptions.ClientError) as caught:
        getattr(client, operation)(**request_)

    assert caught.value.response["Error"]["Code"] == "NotImplementedByLocalAWS"
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_every_call_is_recorded_with_its_principal(aws: LocalAws) -> None:
    """A line for each call: SageMaker's with parameters, others by name, refused ones too."""
    marker = f"marker-{uuid.uuid4().hex[:8]}"
    refused(aws.sagemaker.describe_model, ModelName=marker)
    aws.client("dynamodb").list_tables()

    lines = [json.loads(line) for line in aws.folder.calls.read_text().splitlines()]

    call = next(line for line in lines if line["params"].get("ModelName") == marker)
    assert (call["service"], call["operation"], call["status"]) == ("sagemaker", "DescribeModel", 400)
    assert call["principal"].startswith(f"arn:aws:sts::{ACCOUNT}:")
    assert any(line["operation"] == "ListTables" and line["service"] == "dynamodb" for line in lines)


def test_bodies_are_not_recorded(aws: LocalAws) -> None:
    """What a model is asked is nobody's business but Data Capture's."""
    secret = uuid.uuid4().hex

    refused(aws.client("sagemaker-runtime").invoke_endpoint, EndpointName="absent", Body=secret.encode())

    assert secret not in aws.folder.calls.read_text()


def test_an_assumed_role_is_the_principal(aws: LocalAws) -> None:
    """Credentials from STS carry the role's name into the record, and no right that the role has not."""
    role = f"arn:aws:iam::{ACCOUNT}:role/demo-sagemaker"
    key = aws.session(role, "deploy")

    code, _ = refused(aws.client("sagemaker", key=key).list_models)

    lines = [json.loads(line) for line in aws.folder.calls.read_text().splitlines()]
    principals = {line["principal"] for line in lines if line["operation"] == "ListModels"}
    assert f"arn:aws:sts::{ACCOUNT}:assumed-role/demo-sagemaker/deploy" in principals
    assert code == "AccessDeniedException"


def test_accounts_see_nothing_of_each_other(aws: LocalAws) -> None:
    """A key of another account works in that account, and finds no group of this one."""
    iam = aws.client("iam", key="other-account")
    iam.meta.events.register("before-sign", lambda request, **_: request.headers.add_header(ACCOUNT_HEADER, OTHER))
    iam.create_user(UserName="visitor")
    key = iam.create_access_key(UserName="visitor")["AccessKey"]["AccessKeyId"]
    name = f"group-{uuid.uuid4().hex[:8]}"
    aws.sagemaker.create_model_package_group(ModelPackageGroupName=name)
    visitor = aws.client("sagemaker", key=key)

    created = visitor.create_model_package_group(ModelPackageGroupName=name)
    code, message = refused(visitor.describe_endpoint, EndpointName="absent")

    assert f":{OTHER}:model-package-group/{name}" in created["ModelPackageGroupArn"]
    assert (code, OTHER in message) == ("ValidationException", True)


def test_an_unhandled_path_of_sagemaker_is_a_501(aws: LocalAws) -> None:
    """Async invocations go to no one else either."""
    with pytest.raises(aws.client("sagemaker-runtime").exceptions.ClientError) as caught:
        aws.client("sagemaker-runtime").invoke_endpoint_with_response_stream(EndpointName="e", Body=b"")

    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_metadata_with_underscores_survives(aws: LocalAws) -> None:
    """S3 user metadata keeps its spelling through the gateway."""
    s3 = aws.client("s3")
    s3.put_object(Bucket="demo-bucket", Key="meta", Body=b"x", Metadata={"data_version": "1"})

    head = eventually(lambda: s3.head_object(Bucket="demo-bucket", Key="meta"), bool)

    assert head["Metadata"] == {"data_version": "1"}
    assert head["ContentLength"] == 1


BROKEN = {
    "of moto": ("dynamodb", "DynamoDB_20120810.PutItem", '{"TableName": 7}'),
    "of the request's JSON": ("dynamodb", "DynamoDB_20120810.PutItem", "{"),
    "of an operation that nobody has": ("sagemaker", "SageMaker.Guess", "{}"),
    "of a service that nobody plays": ("nosuch", "NoSuch.Operation", "{}"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_failure_is_an_answer_and_a_line_in_the_record(aws: LocalAws, kind: str) -> None:
    """Whatever breaks, here or in moto: no connection just ends, and no failure leaves no trace."""
    service, target, body = BROKEN[kind]
    scope = f"Credential=local/20261123/{REGION}/{service}/aws4_request"
    headers = {"X-Amz-Target": target, "Authorization": f"AWS4-HMAC-SHA256 {scope}"}
    before = len(aws.folder.calls.read_text().splitlines())

    answer = urllib3.request("POST", aws.running.endpoint_url, body=body, headers=headers, retries=False)

    lines = [json.loads(line) for line in aws.folder.calls.read_text().splitlines()[before:]]
    (line,) = [line for line in lines if line["service"] == service]
    assert (line["operation"], line["status"]) == (target.split(".")[1], answer.status)
    assert answer.status in {400, 500, 501}
    assert answer.json()["message"]


def test_policy_that_cannot_be_judged_is_a_501(aws: LocalAws) -> None:
    """A role whose policy has an operator that is not played is told so, and gets nothing."""
    iam, name = aws.client("iam"), f"odd-{uuid.uuid4().hex[:8]}"
    role = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(TRUST))["Role"]["Arn"]
    condition = {"BinaryEquals": {"aws:PrincipalArn": "QQ=="}}
    statement = {"Effect": "Allow", "Action": "sagemaker:*", "Resource": "*", "Condition": condition}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.put_role_policy(RoleName=name, PolicyName="odd", PolicyDocument=policy)
    key = aws.session(role)

    code, message = refused(aws.client("sagemaker", key=key).list_models)

    assert code == "NotImplementedByLocalAWS"
    assert "BinaryEquals" in message
