"""Training jobs run for real, and end as SageMaker ends them."""

import json

import pytest
from tests.engine.local.harness import BUCKET, REGISTRY, ROLE, LocalAws, artifact, channel, eventually, refused

GROUP = "/aws/sagemaker/TrainingJobs"
UNTRUSTED = "untrusted"
NO_TRUST = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "*"}, "Action": "*"}]}


@pytest.fixture(scope="module")
def untrusted(aws: LocalAws) -> str:
    """Return the name of a role that SageMaker may not assume."""
    aws.client("iam").create_role(RoleName=UNTRUSTED, AssumeRolePolicyDocument=json.dumps(NO_TRUST))
    return UNTRUSTED


def test_trains_and_describes(aws: LocalAws) -> None:
    """A job reads its channel and hyperparameters, and leaves model, output and metrics."""
    job = aws.train(HyperParameters={"depth": "3"}, Environment={"STAGE": "dev"})

    described = aws.trained(job)

    assert described["TrainingJobStatus"] == described["SecondaryStatus"] == "Completed"
    metric = described["FinalMetricDataList"][0]
    assert (metric["MetricName"], metric["Value"]) == ("test:score", 0.75)
    uri = described["ModelArtifacts"]["S3ModelArtifacts"]
    assert uri == f"s3://{BUCKET}/training/{job}/output/model.tar.gz"
    files = artifact(aws, uri)
    assert files["model.json"] == {"hyperparameters": {"depth": "3"}, "rows": 2}
    assert artifact(aws, uri.replace("model.tar.gz", "output.tar.gz")) == {"evaluation.json": {}}
    steps = [step["Status"] for step in described["SecondaryStatusTransitions"]]
    assert steps == ["Starting", "Downloading", "Training", "Uploading", "Completed"]


def test_container_sees_nothing_of_the_caller(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> None:
    """The container's environment is the image's, the request's and the role's."""
    job = aws.train(Environment={"STAGE": "dev"})

    uri = aws.trained(job)["ModelArtifacts"]["S3ModelArtifacts"]

    seen = artifact(aws, uri)["environment.json"]
    assert isinstance(seen, dict)
    assert seen["job"] == job
    assert {"STAGE", "FROM_DOCKERFILE", "AWS_ACCESS_KEY_ID", "AWS_ENDPOINT_URL"} <= set(seen["environment"])
    assert not {"VIRTUAL_ENV", "PYTHONPATH", "PYTEST_CURRENT_TEST", "USER"} & set(seen["environment"])


def test_failure_file_becomes_the_reason(aws: LocalAws) -> None:
    """What the container writes to /opt/ml/output/failure is what the caller reads."""
    job = aws.train(HyperParameters={"fail": "depth must be a number, not 'deep'"})

    described = aws.trained(job)

    assert described["TrainingJobStatus"] == "Failed"
    assert described["FailureReason"] == "AlgorithmError: depth must be a number, not 'deep', exit code: 1"
    assert "ModelArtifacts" not in described


def test_missing_data_fails_the_job(aws: LocalAws) -> None:
    """A channel without objects fails the job, not the request."""
    job = aws.train(InputDataConfig=[channel("training", f"s3://{BUCKET}/nowhere/")])

    described = aws.trained(job)

    assert described["TrainingJobStatus"] == "Failed"
    assert "No S3 objects found" in described["FailureReason"]


def test_stop_ends_a_running_job(aws: LocalAws) -> None:
    """A stopped job goes through Stopping to Stopped, and cannot be stopped again."""
    job = aws.train(HyperParameters={"sleep": "30"})
    eventually(
        lambda: aws.sagemaker.describe_training_job(TrainingJobName=job)["SecondaryStatus"],
        lambda status: status == "Training",
    )

    aws.sagemaker.stop_training_job(TrainingJobName=job)

    assert aws.trained(job)["TrainingJobStatus"] == "Stopped"
    code, message = refused(aws.sagemaker.stop_training_job, TrainingJobName=job)
    assert (code, "status Stopped" in message) == ("ValidationException", True)


def test_runtime_limit_stops_a_job(aws: LocalAws) -> None:
    """MaxRuntimeInSeconds is held."""
    job = aws.train(HyperParameters={"sleep": "30"}, StoppingCondition={"MaxRuntimeInSeconds": 1})

    described = aws.trained(job)

    assert described["TrainingJobStatus"] == "Stopped"
    assert described["SecondaryStatus"] == "MaxRuntimeExceeded"


def test_output_goes_to_cloudwatch_logs(aws: LocalAws) -> None:
    """The container's output is in the log group that SageMaker uses, in a stream of the job's name."""
    job = aws.train()
    aws.trained(job)

    streams = aws.client("logs").describe_log_streams(logGroupName=GROUP, logStreamNamePrefix=f"{job}/algo-1-")
    found = aws.client("logs").get_log_events(
        logGroupName=GROUP, logStreamName=streams["logStreams"][0]["logStreamName"], startFromHead=True
    )

    assert [event["message"] for event in found["events"]] == ["train:rows=2;", "test:score=0.75;"]


def test_lists_jobs_by_status_and_name(aws: LocalAws) -> None:
    """ListTrainingJobs filters and pages."""
    jobs = [aws.train(), aws.train()]
    for job in jobs:
        aws.trained(job)

    listed = aws.sagemaker.list_training_jobs(NameContains=jobs[0], StatusEquals="Completed")
    page = aws.sagemaker.list_training_jobs(MaxResults=1, SortBy="CreationTime", SortOrder="Descending")

    assert [job["TrainingJobName"] for job in listed["TrainingJobSummaries"]] == [jobs[0]]
    assert [job["TrainingJobName"] for job in page["TrainingJobSummaries"]] == [jobs[1]]
    assert page["NextToken"]


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"RoleArn": ROLE.replace("demo-sagemaker", "absent")}, "ValidationException", "Could not assume role"),
        ({"RoleArn": ROLE.replace("demo-sagemaker", UNTRUSTED)}, "ValidationException", "Could not assume role"),
        (
            {"ResourceConfig": {"InstanceType": "ml.none", "InstanceCount": 1, "VolumeSizeInGB": 1}},
            "ValidationException",
            "enum",
        ),
        ({"EnableManagedSpotTraining": True}, "ValidationException", "MaxWaitTimeInSeconds must be provided"),
        (
            {
                "EnableManagedSpotTraining": True,
                "StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 59},
            },
            "ValidationException",
            "greater than or equal to 60",
        ),
        (
            {"StoppingCondition": {"MaxRuntimeInSeconds": 60, "MaxWaitTimeInSeconds": 60}},
            "ValidationException",
            "only supported when",
        ),
    ],
)
def test_refuses_a_job(aws: LocalAws, untrusted: str, changes: dict[str, object], code: str, message: str) -> None:
    """What AWS refuses is refused here, and what is not simulated is refused loudly."""
    found = refused(aws.train, **changes)

    assert found[0] == code
    assert message in found[1]


def test_refuses_an_image_that_was_never_pushed(aws: LocalAws) -> None:
    """An unknown tag is refused when the job is created."""
    image = f"{REGISTRY}-train:ffffffffffffffff"

    found = refused(aws.train, AlgorithmSpecification={"TrainingImage": image, "TrainingInputMode": "File"})

    assert found == ("ValidationException", f"Requested image {image} not found.")


def test_refuses_a_second_job_of_one_name(aws: LocalAws) -> None:
    """A job name is unique for ever."""
    job = aws.train()

    code, message = refused(aws.train, TrainingJobName=job)

    assert code == "ResourceInUse"
    assert f":training-job/{job}" in message


def test_refuses_an_unknown_job(aws: LocalAws) -> None:
    """Describing or stopping what does not exist is refused."""
    for call in (aws.sagemaker.describe_training_job, aws.sagemaker.stop_training_job):
        assert refused(call, TrainingJobName="absent") == ("ValidationException", "Requested resource not found.")


def test_model_without_a_key_belongs_to_its_account_alone(aws: LocalAws) -> None:
    """SageMaker takes the account's own key for S3, whatever the bucket's default is; no other account can use it."""
    described = aws.trained(aws.train())

    bucket, key = described["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
    found = aws.client("s3").head_object(Bucket=bucket, Key=key)
    assert (found["ServerSideEncryption"], found["SSEKMSKeyId"]) == ("aws:kms", "alias/aws/s3")


def test_model_with_a_key_needs_the_roles_right_to_encrypt(aws: LocalAws) -> None:
    """kms:Encrypt, as SageMaker's page on execution roles says."""
    key = aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    output = {"S3OutputPath": f"s3://{BUCKET}/training", "KmsKeyId": key}

    refused = aws.trained(aws.train(OutputDataConfig=output))
    statement = {"Effect": "Allow", "Action": "kms:*", "Resource": key}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    name = ROLE.rpartition("/")[2]
    aws.client("iam").put_role_policy(RoleName=name, PolicyName="encrypt", PolicyDocument=document)
    made = aws.trained(aws.train(OutputDataConfig=output))

    assert refused["TrainingJobStatus"] == "Failed"
    assert "kms:Encrypt" in refused["FailureReason"]
    bucket, name = made["ModelArtifacts"]["S3ModelArtifacts"].removeprefix("s3://").split("/", 1)
    assert aws.client("s3").head_object(Bucket=bucket, Key=name)["SSEKMSKeyId"] == key
