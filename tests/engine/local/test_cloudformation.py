"""The local CloudFormation: strict, all or nothing, and honest about what it does not know."""

import datetime as dt
import json
import time
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from sagemaker_gitops.aws.stacks import Stacks
from tests.engine.local.harness import BUCKET, ROLE, LocalAws, refused

TABLE: dict[str, Any] = {
    "Type": "AWS::DynamoDB::Table",
    "Properties": {
        "TableName": {"Ref": "Name"},
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [{"AttributeName": "id", "AttributeType": "S"}],
        "KeySchema": [{"AttributeName": "id", "KeyType": "HASH"}],
    },
}


def template(**resources: Any) -> str:
    """Write a template with one parameter."""
    return json.dumps(
        {"Parameters": {"Name": {"Type": "String", "AllowedPattern": "[a-z0-9-]+"}}, "Resources": resources}
    )


def plan(aws: LocalAws, name: str, body: str, *, kind: str = "CREATE", adopt: bool = False) -> dict[str, Any]:
    """Create a change set and describe it."""
    client = aws.client("cloudformation")
    made = client.create_change_set(
        StackName=name,
        ChangeSetName=f"plan-{uuid.uuid4().hex[:8]}",
        ChangeSetType=kind,
        TemplateBody=body,
        Parameters=[{"ParameterKey": "Name", "ParameterValue": name}],
        ImportExistingResources=adopt,
    )
    answer: dict[str, Any] = client.describe_change_set(ChangeSetName=made["Id"])
    return answer


def apply(aws: LocalAws, name: str, body: str, *, kind: str = "CREATE", adopt: bool = False) -> str:
    """Carry a plan out; return how the stack ended."""
    client, change_set = aws.client("cloudformation"), plan(aws, name, body, kind=kind, adopt=adopt)
    client.execute_change_set(ChangeSetName=change_set["ChangeSetId"])
    return settled(aws, change_set["StackId"])


def settled(aws: LocalAws, stack: str) -> str:
    """Wait for the end of whatever happens to a stack."""
    for _ in range(400):
        status = str(aws.client("cloudformation").describe_stacks(StackName=stack)["Stacks"][0]["StackStatus"])
        if not status.endswith("_IN_PROGRESS"):
            return status
        time.sleep(0.02)
    raise TimeoutError(stack)


@pytest.fixture
def name() -> str:
    """Return a name that nobody has."""
    return f"stack-{uuid.uuid4().hex[:8]}"


@pytest.mark.parametrize("kind", ["AWS::EC2::VPC", "AWS::ApiGateway::RestApi", "AWS::RDS::DBInstance"])
def test_type_that_is_not_applied_is_refused_by_name(aws: LocalAws, name: str, kind: str) -> None:
    """Nothing is skipped in silence: the plan itself fails, with the type in the message."""
    body = template(Table=TABLE, Other={"Type": kind, "Properties": {}})

    code, message = refused(plan, aws=aws, name=name, body=body)

    assert code == "NotImplementedByLocalAWS"
    assert kind in message


@pytest.mark.parametrize(
    ("resource", "word"),
    [
        ({**TABLE, "Properties": {**TABLE["Properties"], "StreamSpecification": {}}}, "StreamSpecification"),
        ({**TABLE, "CreationPolicy": {}}, "CreationPolicy"),
        ({**TABLE, "Properties": {**TABLE["Properties"], "TableName": {"Fn::ImportValue": "x"}}}, "Fn::ImportValue"),
    ],
)
def test_property_attribute_and_function_that_are_not_applied_are_refused(
    aws: LocalAws, name: str, resource: dict[str, Any], word: str
) -> None:
    """A table without its stream would be another table."""
    _, message = refused(plan, aws=aws, name=name, body=template(Table=resource))

    assert word in message


@pytest.mark.parametrize(
    ("body", "word"),
    [
        ("a: [", "Template format error"),
        ('{"Resources": {}}', "At least one Resources member"),
        (template(Table={**TABLE, "DependsOn": "Nobody"}), "Nobody"),
        (template(Table={**TABLE, "Condition": "Never"}), "Never"),
    ],
)
def test_broken_template_is_refused(aws: LocalAws, name: str, body: str, word: str) -> None:
    """As CloudFormation does, before anything is made."""
    code, message = refused(plan, aws=aws, name=name, body=body)

    assert code == "ValidationError"
    assert word in message


def test_parameter_must_match_its_pattern(aws: LocalAws) -> None:
    """A name with a capital letter goes nowhere."""
    _, message = refused(plan, aws=aws, name="Capital", body=template(Table=TABLE))

    assert "Parameter 'Name' must match pattern" in message


def test_stack_is_made_and_removed_through_the_services(aws: LocalAws, name: str) -> None:
    """The table is DynamoDB's, before and after."""
    dynamodb = aws.client("dynamodb")

    made = apply(aws, name, template(Table=TABLE))
    described = dynamodb.describe_table(TableName=name)["Table"]
    stack = aws.client("cloudformation").describe_stacks(StackName=name)["Stacks"][0]["StackId"]
    aws.client("cloudformation").delete_stack(StackName=name)

    assert (made, described["TableStatus"], settled(aws, stack)) == ("CREATE_COMPLETE", "ACTIVE", "DELETE_COMPLETE")
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        dynamodb.describe_table(TableName=name)


def test_failed_creation_leaves_nothing(aws: LocalAws, name: str) -> None:
    """The table goes again when the role beside it cannot be made."""
    role = {
        "Type": "AWS::IAM::Role",
        "DependsOn": "Table",
        "Properties": {"AssumeRolePolicyDocument": {}, "RoleName": {"Ref": "Name"}, "PermissionsBoundary": "arn:none"},
    }
    body = template(Table=TABLE, Role=role)
    client = aws.client("cloudformation")
    change_set = client.create_change_set(
        StackName=name,
        ChangeSetName="plan",
        ChangeSetType="CREATE",
        TemplateBody=body,
        Capabilities=["CAPABILITY_NAMED_IAM"],
        Parameters=[{"ParameterKey": "Name", "ParameterValue": name}],
    )

    client.execute_change_set(ChangeSetName=change_set["Id"])

    assert settled(aws, change_set["StackId"]) == "ROLLBACK_COMPLETE"
    assert name not in aws.client("dynamodb").list_tables()["TableNames"]


def test_same_template_again_is_no_change(aws: LocalAws, name: str) -> None:
    """The change set says so and cannot be executed."""
    apply(aws, name, template(Table=TABLE))

    second = plan(aws, name, template(Table=TABLE), kind="UPDATE")

    assert second["Status"] == "FAILED"
    assert "didn't contain changes" in second["StatusReason"]
    code, _ = refused(aws.client("cloudformation").execute_change_set, ChangeSetName=second["ChangeSetId"])
    assert code == "InvalidChangeSetStatus"


def connected(token: str) -> str:
    """Declare a connection, a destination and a rule that words what it sends as JSON with gaps."""
    key = {"ApiKeyName": "Authorization", "ApiKeyValue": f"Bearer {token}"}
    name = {"Name": {"Ref": "Name"}}
    connection = {**name, "AuthorizationType": "API_KEY", "AuthParameters": {"ApiKeyAuthParameters": key}}
    destination = {**name, "HttpMethod": "POST", "InvocationEndpoint": "https://example.org/events"}
    worded = {"InputPathsMap": {"why": "$.detail.why"}, "InputTemplate": '{"why": <why>}'}
    target = {"Id": "1", "Arn": {"Fn::GetAtt": ["Destination", "Arn"]}, "InputTransformer": worded}
    return template(
        Connection={"Type": "AWS::Events::Connection", "Properties": connection},
        Destination={
            "Type": "AWS::Events::ApiDestination",
            "Properties": {**destination, "ConnectionArn": {"Fn::GetAtt": ["Connection", "Arn"]}},
        },
        Rule={
            "Type": "AWS::Events::Rule",
            "Properties": {**name, "EventPattern": {"source": ["own"]}, "Targets": [target]},
        },
    )


def test_secret_is_read_when_it_is_applied(aws: LocalAws, name: str) -> None:
    """What the stack keeps, and shows, is the reference; a second look finds nothing to change."""
    aws.client("secretsmanager").create_secret(Name=name, SecretString='{"token": "hush"}')
    body = connected(f"{{{{resolve:secretsmanager:{name}:SecretString:token}}}}")

    apply(aws, name, body)

    kept = aws.client("cloudformation").get_template(StackName=name)["TemplateBody"]
    assert "hush" not in json.dumps(kept)
    assert plan(aws, name, body, kind="UPDATE")["Status"] == "FAILED"
    # moto heeds no NamePrefix.
    connections = aws.client("events").list_connections()["Connections"]
    (made,) = [connection for connection in connections if connection["Name"].startswith(name)]
    secret = aws.client("events").describe_connection(Name=made["Name"])["SecretArn"]
    assert "Bearer hush" in aws.client("secretsmanager").get_secret_value(SecretId=secret)["SecretString"]


def test_secret_that_is_not_there_fails_the_stack(aws: LocalAws, name: str) -> None:
    """In CloudFormation's words, and nothing of it is left."""
    body = connected(f"{{{{resolve:secretsmanager:{name}:SecretString}}}}")
    change_set = plan(aws, name, body)

    aws.client("cloudformation").execute_change_set(ChangeSetName=change_set["ChangeSetName"], StackName=name)

    assert settled(aws, name) == "ROLLBACK_COMPLETE"
    events = aws.client("cloudformation").describe_stack_events(StackName=name)["StackEvents"]
    assert any("can't find the specified secret" in event.get("ResourceStatusReason", "") for event in events)


def test_change_is_planned_property_by_property(aws: LocalAws, name: str) -> None:
    """What would be replaced is told from what changes in place."""
    apply(aws, name, template(Table=TABLE))
    protected = {**TABLE["Properties"], "DeletionProtectionEnabled": True}
    other_key = {**TABLE["Properties"], "KeySchema": [{"AttributeName": "id", "KeyType": "RANGE"}]}

    plans = [
        plan(aws, name, template(Table={**TABLE, "Properties": properties}), kind="UPDATE")["Changes"][0][
            "ResourceChange"
        ]
        for properties in (protected, other_key)
    ]

    assert [item["Replacement"] for item in plans] == ["False", "True"]
    assert [item["Details"][0]["Target"]["Name"] for item in plans] == ["DeletionProtectionEnabled", "KeySchema"]


def test_change_by_hand_is_seen_as_drift(aws: LocalAws, name: str) -> None:
    """Property, declared value and actual value; a deleted resource as well."""
    client = aws.client("cloudformation")
    properties = {**TABLE["Properties"], "DeletionProtectionEnabled": True}
    apply(aws, name, template(Table={**TABLE, "Properties": properties}))
    aws.client("dynamodb").update_table(TableName=name, DeletionProtectionEnabled=False)

    detection = client.detect_stack_drift(StackName=name)["StackDriftDetectionId"]
    client.describe_stack_drift_detection_status(StackDriftDetectionId=detection)
    (found,) = client.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]
    aws.client("dynamodb").delete_table(TableName=name)
    client.detect_stack_drift(StackName=name)
    (gone,) = client.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]

    (difference,) = found["PropertyDifferences"]
    assert difference["PropertyPath"] == "/DeletionProtectionEnabled"
    assert (difference["ExpectedValue"], difference["ActualValue"]) == ("true", "false")
    assert gone["StackResourceDriftStatus"] == "DELETED"


def test_named_roles_need_the_caller_to_say_so(aws: LocalAws, name: str) -> None:
    """CAPABILITY_NAMED_IAM, as on AWS."""
    role = {"Type": "AWS::IAM::Role", "Properties": {"RoleName": {"Ref": "Name"}, "AssumeRolePolicyDocument": {}}}

    code, _ = refused(plan, aws=aws, name=name, body=template(Role=role))

    assert code == "InsufficientCapabilitiesException"


def features(group: str, *names: str) -> dict[str, Any]:
    """Declare a feature group that outlives its stack."""
    kinds = {"id": "String", "time": "String", **dict.fromkeys(names, "Fractional")}
    return {
        "Type": "AWS::SageMaker::FeatureGroup",
        "DeletionPolicy": "RetainExceptOnCreate",
        "Properties": {
            "FeatureGroupName": {"Fn::Sub": f"${{Name}}-{group}"},
            "RecordIdentifierFeatureName": "id",
            "EventTimeFeatureName": "time",
            "FeatureDefinitions": [{"FeatureName": key, "FeatureType": kind} for key, kind in kinds.items()],
            "OnlineStoreConfig": {"EnableOnlineStore": True},
            "OfflineStoreConfig": {
                "S3StorageConfig": {"S3Uri": f"s3://{BUCKET}/features"},
                "DisableGlueTableCreation": True,
            },
            "RoleArn": ROLE,
        },
    }


def test_feature_group_is_kept_and_adopted_as_it_was(aws: LocalAws, name: str) -> None:
    """Another schema adds a group beside the former one, which a revert takes up; another definition is refused."""
    former, newer = {"GroupA": features("a", "income")}, {"GroupB": features("b", "income", "age")}

    made = apply(aws, name, template(**former))
    changed = apply(aws, name, template(**newer), kind="UPDATE", adopt=True)
    reverted = apply(aws, name, template(**former), kind="UPDATE", adopt=True)
    altered = apply(aws, name, template(**former, GroupB=features("b", "other")), kind="UPDATE", adopt=True)

    assert (made, changed, reverted) == ("CREATE_COMPLETE", "UPDATE_COMPLETE", "UPDATE_COMPLETE")
    assert altered == "UPDATE_ROLLBACK_COMPLETE"
    described = aws.sagemaker.describe_feature_group(FeatureGroupName=f"{name}-b")
    assert [item["FeatureName"] for item in described["FeatureDefinitions"]] == ["id", "time", "income", "age"]
    aws.client("cloudformation").delete_stack(StackName=name)
    assert aws.sagemaker.describe_feature_group(FeatureGroupName=f"{name}-a")["FeatureGroupName"] == f"{name}-a"


@pytest.mark.parametrize(
    ("region", "kind"), [("eu-north-1", "AWS::Budgets::Budget"), ("il-central-1", "AWS::Events::ApiDestination")]
)
def test_type_that_its_region_lacks_is_refused(aws: LocalAws, name: str, region: str, kind: str) -> None:
    """Even under a condition that is false: CloudFormation reads the types before it evaluates anything."""
    client = boto3.client(
        "cloudformation",
        endpoint_url=aws.running.endpoint_url,
        region_name=region,
        aws_access_key_id="local",
        aws_secret_access_key="any",
    )
    other = {"Type": kind, "Condition": "Never", "Properties": {}}
    body = {"Conditions": {"Never": {"Fn::Equals": ["a", "b"]}}, "Resources": {"Table": TABLE, "Other": other}}

    code, message = refused(
        client.create_change_set,
        StackName=name,
        ChangeSetName="plan",
        ChangeSetType="CREATE",
        TemplateBody=json.dumps(body),
    )

    assert (code, message) == ("ValidationError", f"Template format error: Unrecognized resource types: [{kind}]")


def test_key_by_another_name_is_drift_to_cloudformation_and_none_to_doctor(aws: LocalAws, name: str) -> None:
    """DynamoDB answers the key's ARN where the template has an alias."""
    kms, client = aws.client("kms"), aws.client("cloudformation")
    key = kms.create_key()["KeyMetadata"]
    kms.create_alias(AliasName=f"alias/{name}", TargetKeyId=key["KeyId"])
    encryption = {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": f"alias/{name}"}
    table = {**TABLE, "Properties": {**TABLE["Properties"], "SSESpecification": encryption}}
    assert apply(aws, name, template(Table=table)) == "CREATE_COMPLETE"

    told = Stacks(client, kms, poll_seconds=0.01).drift(name)

    (found,) = client.describe_stack_resource_drifts(StackName=name)["StackResourceDrifts"]
    (difference,) = found["PropertyDifferences"]
    assert (difference["ExpectedValue"], difference["ActualValue"]) == (f"alias/{name}", key["Arn"])
    assert told == ()


def test_every_page_of_drifts_is_read() -> None:
    """CloudFormation answers a hundred resources at a time."""
    client: Any = boto3.client("cloudformation", "eu-west-1", aws_access_key_id="any", aws_secret_access_key="any")
    gone = {
        "StackId": "s",
        "LogicalResourceId": "Table",
        "ResourceType": "AWS::DynamoDB::Table",
        "StackResourceDriftStatus": "DELETED",
        "Timestamp": dt.datetime.now(dt.UTC),
    }
    status = {
        "StackId": "s",
        "StackDriftDetectionId": "d",
        "DetectionStatus": "DETECTION_COMPLETE",
        "Timestamp": dt.datetime.now(dt.UTC),
    }

    with Stubber(client) as stub:
        stub.add_response("detect_stack_drift", {"StackDriftDetectionId": "d"})
        stub.add_response("describe_stack_drift_detection_status", status)
        stub.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": [gone], "NextToken": "more"})
        stub.add_response("describe_stack_resource_drifts", {"StackResourceDrifts": [gone]})
        found = Stacks(client, client, poll_seconds=0).drift("s")

    assert len(found) == 2
