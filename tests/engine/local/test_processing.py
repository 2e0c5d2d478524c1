"""Processing jobs: a command of an image between two places in S3."""

import json
import uuid
from typing import Any

import pytest
from tests.engine.local.harness import BUCKET, ROLE, TRAIN_IMAGE, LocalAws, eventually, refused

OUTSIDE = {
    "Outputs": [{"OutputName": "o", "S3Output": {"S3Uri": "s3://b/k", "LocalPath": "/tmp", "S3UploadMode": "EndOfJob"}}]
}


def start(aws: LocalAws, **changes: Any) -> str:
    """Start a processing job; return its name."""
    name = f"process-{uuid.uuid4().hex[:8]}"
    source = {"S3Uri": f"s3://{BUCKET}/data/", "LocalPath": "/opt/ml/processing/input/data", "S3DataType": "S3Prefix"}
    target = {
        "S3Uri": f"s3://{BUCKET}/processed/{name}",
        "LocalPath": "/opt/ml/processing/output",
        "S3UploadMode": "EndOfJob",
    }
    request = {
        "ProcessingJobName": name,
        "RoleArn": ROLE,
        "AppSpecification": {
            "ImageUri": TRAIN_IMAGE,
            "ContainerEntrypoint": ["python3", "/opt/ml/code/process.py"],
            "ContainerArguments": ["/opt/ml/processing/input/data", "/opt/ml/processing/output"],
        },
        "ProcessingInputs": [{"InputName": "data", "S3Input": {**source, "S3InputMode": "File"}}],
        "ProcessingOutputConfig": {"Outputs": [{"OutputName": "out", "S3Output": target}]},
        "ProcessingResources": {
            "ClusterConfig": {"InstanceCount": 1, "InstanceType": "ml.m6i.large", "VolumeSizeInGB": 1}
        },
    }
    aws.sagemaker.create_processing_job(**{**request, **changes})
    return name


def ended(aws: LocalAws, name: str) -> dict[str, Any]:
    """Return a job once it has ended."""
    return eventually(
        lambda: aws.sagemaker.describe_processing_job(ProcessingJobName=name),
        lambda job: job["ProcessingJobStatus"] not in {"InProgress", "Stopping"},
    )


def test_processes(aws: LocalAws) -> None:
    """Input comes from S3, output goes there, the exit message is shown."""
    name = start(aws)

    job = ended(aws, name)

    assert job["ProcessingJobStatus"] == "Completed"
    assert job["ExitMessage"] == f"processed as {name}"
    written = aws.client("s3").get_object(Bucket=BUCKET, Key=f"processed/{name}/hmda.csv")
    assert written["Body"].read() == b"A,B\n1,2\n"


def test_a_failing_command_fails_the_job_and_uploads_nothing(aws: LocalAws) -> None:
    """The exit code is in the reason."""
    name = start(aws, Environment={"FAIL": "1"})

    job = ended(aws, name)

    assert job["ProcessingJobStatus"] == "Failed"
    assert "exit code: 1" in job["FailureReason"]
    assert "Contents" not in aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=f"processed/{name}")


def test_stops(aws: LocalAws) -> None:
    """StopProcessingJob ends the command."""
    name = start(aws, Environment={"SLEEP": "30"})

    aws.sagemaker.stop_processing_job(ProcessingJobName=name)

    assert ended(aws, name)["ProcessingJobStatus"] == "Stopped"
    assert refused(aws.sagemaker.stop_processing_job, ProcessingJobName=name)[0] == "ValidationException"


def test_lists(aws: LocalAws) -> None:
    """ListProcessingJobs filters by name."""
    name = start(aws)
    ended(aws, name)

    found = aws.sagemaker.list_processing_jobs(NameContains=name)["ProcessingJobSummaries"]

    assert [job["ProcessingJobStatus"] for job in found] == ["Completed"]


@pytest.mark.parametrize(
    ("changes", "code", "message"),
    [
        ({"AppSpecification": {"ImageUri": TRAIN_IMAGE}}, "NotImplementedByLocalAWS", "ContainerEntrypoint"),
        ({"RoleArn": f"{ROLE}-absent"}, "ValidationException", "Could not assume role"),
        ({"ProcessingOutputConfig": OUTSIDE}, "ValidationException", "must lie below /opt/ml/processing"),
    ],
)
def test_refuses_a_job(aws: LocalAws, changes: dict[str, Any], code: str, message: str) -> None:
    """What cannot run is refused when it is created."""
    found = refused(start, aws=aws, **changes)

    assert found[0] == code
    assert message in found[1]


def test_refuses_unknown_and_taken_names(aws: LocalAws) -> None:
    """A job name is unique, and must exist to be described."""
    name = start(aws)

    assert refused(start, aws=aws, ProcessingJobName=name)[0] == "ResourceInUse"
    assert "absent" in refused(aws.sagemaker.describe_processing_job, ProcessingJobName="absent")[1]


def _shared_out(aws: LocalAws, instances: int, *names: str) -> dict[str, Any]:
    """Run a job over the objects that a manifest lists."""
    s3, folder = aws.client("s3"), f"manifest-{uuid.uuid4().hex[:8]}"
    for name in names:
        s3.put_object(Bucket=BUCKET, Key=f"{folder}/{name}", Body=b"a,b\n1,2\n")
    listed = json.dumps([{"prefix": f"s3://{BUCKET}/{folder}/"}, *names])
    s3.put_object(Bucket=BUCKET, Key=f"{folder}.manifest", Body=listed.encode())
    source = {
        "S3Uri": f"s3://{BUCKET}/{folder}.manifest",
        "LocalPath": "/opt/ml/processing/input/data",
        "S3DataType": "ManifestFile",
        "S3InputMode": "File",
        "S3DataDistributionType": "ShardedByS3Key",
    }
    cluster = {"InstanceCount": instances, "InstanceType": "ml.m6i.large", "VolumeSizeInGB": 1}
    job = start(
        aws,
        ProcessingInputs=[{"InputName": "data", "S3Input": source}],
        ProcessingResources={"ClusterConfig": cluster},
    )
    return ended(aws, job)


def test_instances_share_out_what_a_manifest_lists(aws: LocalAws) -> None:
    """Each object is processed by one of the instances, and all that they wrote is there in the end."""
    job = _shared_out(aws, 2, "one.csv", "two.csv", "three.csv")

    assert job["ProcessingJobStatus"] == "Completed"
    prefix = f"processed/{job['ProcessingJobName']}/"
    written = aws.client("s3").list_objects_v2(Bucket=BUCKET, Prefix=prefix)["Contents"]
    assert {item["Key"].removeprefix(prefix) for item in written} == {"one.csv", "two.csv", "three.csv"}


def test_manifest_that_is_none_fails_the_job(aws: LocalAws) -> None:
    """A list of names without their prefix is not a manifest."""
    aws.client("s3").put_object(Bucket=BUCKET, Key="wrong.manifest", Body=b'["one.csv"]')
    source = {
        "S3Uri": f"s3://{BUCKET}/wrong.manifest",
        "LocalPath": "/opt/ml/processing/input/data",
        "S3DataType": "ManifestFile",
        "S3InputMode": "File",
    }

    job = ended(aws, start(aws, ProcessingInputs=[{"InputName": "data", "S3Input": source}]))

    assert job["ProcessingJobStatus"] == "Failed"
    assert "begins with an object with a prefix" in job["FailureReason"]
