"""The foundation, from nothing to nothing: made, read back, compared, removed. The tests build on each other."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError
from tests.engine.infra.conftest import ACCOUNT, SUBJECT
from tests.engine.stages.conftest import Laptop

BUCKETS = {
    f"loan-approval-artifacts-{ACCOUNT}",
    f"loan-approval-audit-{ACCOUNT}",
    f"loan-approval-capture-dev-{ACCOUNT}",
    f"loan-approval-data-{ACCOUNT}",
    f"loan-approval-ledger-dev-{ACCOUNT}",
    f"loan-approval-logs-dev-{ACCOUNT}",
    f"loan-approval-logs-shared-{ACCOUNT}",
}
RETENTION = {"PIPELINE__DEPLOY__LEDGER_RETENTION_DAYS": "400"}
LOCKED = {f"loan-approval-audit-{ACCOUNT}", f"loan-approval-ledger-dev-{ACCOUNT}"}


@pytest.fixture(scope="module")
def made(bank: Laptop) -> Laptop:
    """Make the stacks of dev."""
    told = bank.run("bootstrap", "aws", "--env", "dev", "--yes")
    assert told.exit_code == 0, told.stderr
    assert "loan-approval-delivery-dev (new)" in told.stderr
    assert told.outputs["changed"] == "12"
    return bank


def test_a_change_in_the_configuration_is_planned_before_it_is_made(made: Laptop) -> None:
    """A longer ledger retention shows as one modified bucket."""
    told = made.run("bootstrap", "aws", "--env", "dev", "--yes", **RETENTION)

    lock = made.client("s3").get_object_lock_configuration(Bucket=f"loan-approval-ledger-dev-{ACCOUNT}")
    assert "~ LedgerBucket" in told.stderr
    assert "(ObjectLockConfiguration)" in told.stderr
    assert lock["ObjectLockConfiguration"]["Rule"]["DefaultRetention"]["Days"] == 400


@pytest.mark.parametrize(
    ("section", "refused"),
    [
        ({"http_front": {"requests_per_second": 10}}, "AWS::ApiGateway::"),
        (
            {"private_endpoint": {"vpc": "vpc-0", "subnets": ["subnet-0"], "callers": "10.0.0.0/8"}},
            "AWS::EC2::",
        ),
    ],
)
def test_what_the_embedded_aws_has_not_is_refused_by_name(made: Laptop, section: dict[str, Any], refused: str) -> None:
    """Nothing of the plan is carried out, and the environment stays as it was."""
    before, path = stacks(made), made.root / "infra/config/dev.json"
    written = path.read_text()
    path.write_text(json.dumps(json.loads(written) | section))

    told = made.run("bootstrap", "aws", "--env", "dev", "--yes", **RETENTION)

    path.write_text(written)
    assert told.exit_code != 0
    assert refused in told.stderr
    assert stacks(made) == before


def test_every_bucket_is_private_encrypted_and_versioned(made: Laptop) -> None:
    """S3 itself answers for each of them."""
    s3 = made.client("s3")

    found = {bucket["Name"] for bucket in s3.list_buckets()["Buckets"]}

    assert found == BUCKETS
    for name in found:
        assert all(s3.get_public_access_block(Bucket=name)["PublicAccessBlockConfiguration"].values())
        assert s3.get_bucket_versioning(Bucket=name)["Status"] == "Enabled"
        assert s3.get_bucket_encryption(Bucket=name)["ServerSideEncryptionConfiguration"]["Rules"]
        assert denied_without_tls(s3, name)


def denied_without_tls(s3: Any, name: str) -> bool:
    """Tell whether a bucket's policy refuses plain HTTP to everybody."""
    statements = json.loads(s3.get_bucket_policy(Bucket=name)["Policy"])["Statement"]
    return any(
        item["Effect"] == "Deny" and item.get("Condition") == {"Bool": {"aws:SecureTransport": "false"}}
        for item in statements
    )


def test_ledger_and_trail_cannot_be_deleted_by_anybody(made: Laptop) -> None:
    """A locked version outlives its deletion by an administrator."""
    s3 = made.client("s3")
    for name in LOCKED:
        written = s3.put_object(Bucket=name, Key="probe", Body=b"{}", ChecksumAlgorithm="SHA256")

        with pytest.raises(ClientError) as refused:
            s3.delete_object(Bucket=name, Key="probe", VersionId=written["VersionId"])

        lock = s3.get_object_lock_configuration(Bucket=name)["ObjectLockConfiguration"]
        assert refused.value.response["Error"]["Code"] == "AccessDenied"
        assert lock["Rule"]["DefaultRetention"]["Mode"] == "COMPLIANCE"


def test_tables_have_the_keys_that_the_code_uses(made: Laptop) -> None:
    """Ledger, lease and the cache of what serves, each with point-in-time recovery."""
    dynamodb = made.client("dynamodb")

    keys = {}
    for name in ("ledger", "lease", "active"):
        table = dynamodb.describe_table(TableName=f"loan-approval-{name}-dev")["Table"]
        keys[name] = [(key["AttributeName"], key["KeyType"]) for key in table["KeySchema"]]
        backups = dynamodb.describe_continuous_backups(TableName=table["TableName"])["ContinuousBackupsDescription"]
        assert backups["PointInTimeRecoveryDescription"]["PointInTimeRecoveryStatus"] == "ENABLED"

    assert keys == {
        "ledger": [("environment", "HASH"), ("sequence", "RANGE")],
        "lease": [("endpoint", "HASH")],
        "active": [("endpoint", "HASH")],
    }


def test_images_can_be_pushed_once_under_one_tag(made: Laptop) -> None:
    """Tags are immutable, and every push is scanned."""
    repositories = made.client("ecr").describe_repositories()["repositories"]

    assert {item["repositoryName"] for item in repositories} == {"loan-approval-train", "loan-approval-inference"}
    assert {item["imageTagMutability"] for item in repositories} == {"IMMUTABLE"}
    assert all(item["imageScanningConfiguration"]["scanOnPush"] for item in repositories)


def test_the_trail_is_running_and_signed(made: Laptop) -> None:
    """CloudTrail logs all regions, with validation of its files, and who wrote models, data and ledger copies."""
    cloudtrail = made.client("cloudtrail")

    trail = cloudtrail.get_trail(Name="loan-approval-audit")["Trail"]
    (selector,) = cloudtrail.get_event_selectors(TrailName="loan-approval-audit")["EventSelectors"]
    (watched,) = selector["DataResources"]

    evidence = {f"loan-approval-{name}-{ACCOUNT}" for name in ("artifacts", "data", "ledger-dev")}
    assert {f"arn:aws:s3:::{name}/" for name in evidence} <= set(watched["Values"])
    assert trail["LogFileValidationEnabled"]
    assert trail["IsMultiRegionTrail"]
    assert trail["S3BucketName"] == f"loan-approval-audit-{ACCOUNT}"
    assert cloudtrail.get_trail_status(Name="loan-approval-audit")["IsLogging"]


def test_alarms_page_and_the_budget_warns(made: Laptop) -> None:
    """Each alarm of monitoring/alarms on the endpoint is there, and tells the topic."""
    alarms = made.client("cloudwatch").describe_alarms()["MetricAlarms"]
    topics = made.client("sns").list_topics()["Topics"]
    budget = made.client("budgets").describe_budget(AccountId=ACCOUNT, BudgetName="loan-approval-dev")["Budget"]

    names = {item["AlarmName"] for item in alarms}
    assert {"loan-approval-dev-heartbeat", "loan-approval-dev-drift", "loan-approval-dev-traffic"} <= names
    assert [item["AlarmActions"] for item in alarms] == [[topics[0]["TopicArn"]]] * len(alarms)
    assert float(budget["BudgetLimit"]["Amount"]) > 0


def test_each_role_trusts_one_subject_one_audience_and_one_environment(made: Laptop) -> None:
    """A token of another repository, branch or environment assumes nothing."""
    iam = made.client("iam")
    subjects = {
        "deploy-dev": ("environment:dev", "dev"),
        "monitor-dev": ("environment:dev", "dev"),
        "train-dev": ("environment:dev", "dev"),
        "read": ("pull_request", None),
    }

    for name, (subject, environment) in subjects.items():
        role = iam.get_role(RoleName=f"loan-approval-{name}")["Role"]
        (statement,) = role["AssumeRolePolicyDocument"]["Statement"]
        wanted = {"aud": "sts.amazonaws.com", "sub": f"{SUBJECT}:{subject}"}
        wanted |= {"environment": environment} if environment else {}
        prefix = "token.actions.githubusercontent.com:"
        assert statement["Condition"] == {"StringEquals": {f"{prefix}{key}": value for key, value in wanted.items()}}
        assert statement["Principal"] == {"Federated": f"arn:aws:iam::{ACCOUNT}:oidc-provider/{prefix.rstrip(':')}"}
        assert role["PermissionsBoundary"]["PermissionsBoundaryArn"].startswith(
            f"arn:aws:iam::{ACCOUNT}:policy/loan-approval-boundary-"
        )


def test_a_second_bootstrap_changes_nothing(made: Laptop) -> None:
    """No change set is left, and none is executed."""
    told = made.run("bootstrap", "aws", "--env", "dev", "--yes", **RETENTION)

    assert told.exit_code == 0, told.stderr
    assert told.outputs["changed"] == "0"


def test_doctor_shows_a_change_by_hand_and_who_is_not_paged(made: Laptop) -> None:
    """Somebody lets images be overwritten: doctor names resource, property, both values and the remedy."""
    made.client("ecr").put_image_tag_mutability(repositoryName="loan-approval-inference", imageTagMutability="MUTABLE")

    told = made.run("doctor", "--env", "dev")

    assert told.exit_code == 71
    changed = "AWS::ECR::Repository InferenceRepository/ImageTagMutability was changed by hand: declared IMMUTABLE"
    assert f"{changed}, is MUTABLE" in told.stderr
    assert "alarms of dev page nobody" in told.stderr
    assert "aws sns subscribe" in told.stderr


def test_doctor_is_content_once_both_are_mended(made: Laptop) -> None:
    """The remedies that it names are enough, and the estimate of a month's cost is printed."""
    made.client("ecr").put_image_tag_mutability(
        repositoryName="loan-approval-inference", imageTagMutability="IMMUTABLE"
    )
    (topic,) = made.client("sns").list_topics()["Topics"]
    made.client("sns").subscribe(TopicArn=topic["TopicArn"], Protocol="email", Endpoint="oncall@example.com")

    told = made.run("doctor", "--env", "dev")

    assert told.exit_code == 0, told.stderr
    serving = "| serving | 83.95 | 1 x ml.m6i.large around the clock at 0.115 USD an hour"
    assert serving in json.loads(told.stdout)["summary"]


def test_teardown_says_what_it_leaves_and_why(made: Laptop) -> None:
    """Stacks go; those that hold data stay, and so does the ledger."""
    told = made.run("teardown", "--env", "dev", "--shared", "--yes")

    assert told.exit_code == 0, told.stderr
    summary = json.loads(told.stdout)["summary"]
    assert "| stack loan-approval-storage-dev | it holds data; `--data` deletes it |" in summary
    assert "| AWS::DynamoDB::Table loan-approval-ledger-dev | it holds data; `--data` deletes it |" in summary
    assert made.client("iam").list_roles()["Roles"] == []
    assert stacks(made) == {
        "loan-approval-audit-account",
        "loan-approval-registry-shared",
        "loan-approval-storage-dev",
        "loan-approval-storage-shared",
    }


def stacks(made: Laptop) -> set[str]:
    """Name the stacks that are there."""
    return {stack["StackName"] for stack in made.client("cloudformation").describe_stacks()["Stacks"]}


def test_teardown_can_be_repeated(made: Laptop) -> None:
    """There is nothing more to remove, and that is no error."""
    told = made.run("teardown", "--env", "dev", "--shared", "--yes")

    assert told.exit_code == 0, told.stderr
    assert told.outputs["removed"] == "0"


def test_bootstrap_adopts_what_teardown_left(made: Laptop) -> None:
    """The ledger becomes part of the new stacks."""
    told = made.run("bootstrap", "aws", "--env", "dev", "--yes", **RETENTION)

    assert told.exit_code == 0, told.stderr
    assert "= LedgerTable" in told.stderr
    assert "loan-approval-storage-dev (new)" not in told.stderr


def test_teardown_with_data_leaves_only_what_is_locked(made: Laptop) -> None:
    """What nobody can delete stays with its key, and the report says so; the rest is gone or empty."""
    s3 = made.client("s3")
    s3.put_object(Bucket=f"loan-approval-capture-dev-{ACCOUNT}", Key="x", Body=b"{}")

    told = made.run("teardown", "--env", "dev", "--shared", "--data", "--yes")

    assert told.exit_code == 0, told.stderr
    summary = json.loads(told.stdout)["summary"]
    bucket = f"loan-approval-ledger-dev-{ACCOUNT}"
    assert f"| stack loan-approval-storage-dev with bucket {bucket} | Object Lock in compliance mode" in summary
    assert stacks(made) == {"loan-approval-audit-account", "loan-approval-storage-dev"}
    assert s3.list_objects_v2(Bucket=f"loan-approval-capture-dev-{ACCOUNT}")["KeyCount"] == 0
    assert made.client("dynamodb").list_tables()["TableNames"] == []
    assert made.client("ecr").describe_repositories()["repositories"] == []
