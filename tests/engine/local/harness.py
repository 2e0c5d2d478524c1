"""A client's view of a local AWS with two tiny images, and what its tests share."""

import argparse
import io
import json
import shutil
import sys
import tarfile
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError
from sagemaker_gitops.local.sagemaker.images import environment_file
from sagemaker_gitops.local.server import cli, credentials, process
from sagemaker_gitops.local.server.folder import Folder
from sagemaker_gitops.local.server.process import Options
from tests.sample import ROOT

T = TypeVar("T")
Inbox = Callable[[], list[dict[str, Any]]]
"""Takes the messages that have come."""

ACCOUNT, REGION = "123456789012", "us-east-1"
PROJECT_ROOT = ROOT
IMAGES = Path(__file__).parent / "images"
TAG = "0123456789abcdef"
REGISTRY = f"{ACCOUNT}.dkr.ecr.{REGION}.amazonaws.com/demo"
TRAIN_IMAGE, INFERENCE_IMAGE = f"{REGISTRY}-train:{TAG}", f"{REGISTRY}-inference:{TAG}"
BUCKET = "demo-bucket"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/demo-sagemaker"
TRUST = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Principal": {"Service": "sagemaker.amazonaws.com"}, "Action": "sts:AssumeRole"}],
}
WORK = {
    "Version": "2012-10-17",
    "Statement": [
        {"Effect": "Allow", "Action": ["cloudwatch:*", "ecr:*", "logs:*", "s3:*"], "Resource": "*"},
    ],
}
CAPTURE = {
    "EnableCapture": True,
    "InitialSamplingPercentage": 100,
    "DestinationS3Uri": f"s3://{BUCKET}/capture",
    "CaptureOptions": [{"CaptureMode": "Input"}, {"CaptureMode": "Output"}],
    "CaptureContentTypeHeader": {"JsonContentTypes": ["application/json"]},
}


@dataclass(frozen=True)
class LocalAws:
    """A running local AWS, its clients, and shortcuts to common resources."""

    running: process.Running
    folder: Folder
    clients: dict[str, Any] = field(default_factory=dict)

    def client(self, service: str, *, key: str = "local", token: str | None = None) -> Any:
        """Return a boto3 client, created once for each service and key."""
        name = f"{service}/{key}"
        if name not in self.clients:
            self.clients[name] = boto3.client(  # type: ignore[call-overload]
                service,
                endpoint_url=self.running.endpoint_url,
                region_name=REGION,
                aws_access_key_id=key,
                aws_secret_access_key="any",
                aws_session_token=token,
                config=Config(retries={"total_max_attempts": 1}, max_pool_connections=50),
            )
        return self.clients[name]

    def switch(self, kind: str, **arguments: Any) -> str:
        """Run `local fault`."""
        defaults = {"rate": 1.0, "operation": None, "seconds": 1.0, "endpoint": None, "variant": None}
        return cli.send_fault(self.running, argparse.Namespace(kind=kind, **{**defaults, **arguments}))

    def session(self, role: str, name: str = "test") -> str:
        """Return the access key of a role's session."""
        return credentials.of_role(self.running.endpoint_url, role, session=name)["AWS_ACCESS_KEY_ID"]

    @property
    def sagemaker(self) -> Any:
        """Return the SageMaker client."""
        return self.client("sagemaker")

    def model(self, version: str = "1", **hyperparameters: str) -> str:
        """Create a model whose container behaves as the hyperparameters say; return its name."""
        name = f"model-{uuid.uuid4().hex[:8]}"
        content = json.dumps({"hyperparameters": hyperparameters}).encode()
        packed = io.BytesIO()
        with tarfile.open(fileobj=packed, mode="w:gz") as archive:
            member = tarfile.TarInfo("model.json")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
        self.client("s3").put_object(Bucket=BUCKET, Key=f"models/{name}.tar.gz", Body=packed.getvalue())
        container = {
            "Image": INFERENCE_IMAGE,
            "ModelDataUrl": f"s3://{BUCKET}/models/{name}.tar.gz",
            "Environment": {"MODEL_VERSION": version},
        }
        self.sagemaker.create_model(ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
        return name

    def config(self, *models: str, capture: bool = False, shadow: str | None = None, **more: Any) -> str:
        """Create an endpoint configuration with variants v1, v2, ... of equal weight; return its name."""
        name = f"config-{uuid.uuid4().hex[:8]}"
        optional: dict[str, Any] = {**more}
        if capture:
            optional["DataCaptureConfig"] = CAPTURE
        if shadow:
            optional["ShadowProductionVariants"] = [variant("shadow", shadow)]
        self.sagemaker.create_endpoint_config(
            EndpointConfigName=name,
            ProductionVariants=[variant(f"v{i}", model) for i, model in enumerate(models, 1)],
            **optional,
        )
        return name

    def endpoint(self, config: str) -> str:
        """Create an endpoint and wait until it serves; return its name."""
        name = f"endpoint-{uuid.uuid4().hex[:8]}"
        self.sagemaker.create_endpoint(EndpointName=name, EndpointConfigName=config)
        assert self.settled(name)["EndpointStatus"] == "InService"
        return name

    def settled(self, endpoint: str) -> dict[str, Any]:
        """Return an endpoint once nothing moves any more."""
        busy = {"Creating", "Updating", "RollingBack", "Deleting"}
        return eventually(
            lambda: self.sagemaker.describe_endpoint(EndpointName=endpoint),
            lambda described: described["EndpointStatus"] not in busy,
        )

    def invoke(self, endpoint: str, body: object = None, **more: Any) -> dict[str, Any]:
        """Invoke an endpoint; return the answer with its body read."""
        answer = self.client("sagemaker-runtime").invoke_endpoint(
            EndpointName=endpoint, ContentType="application/json", Body=json.dumps(body or {}), **more
        )
        return {**answer, "Body": json.loads(answer["Body"].read())}

    def train(self, **more: Any) -> str:
        """Start a training job; return its name."""
        name = f"job-{uuid.uuid4().hex[:8]}"
        request = {
            "TrainingJobName": name,
            "RoleArn": ROLE,
            "AlgorithmSpecification": {
                "TrainingImage": TRAIN_IMAGE,
                "TrainingInputMode": "File",
                "MetricDefinitions": [{"Name": "test:score", "Regex": r"test:score=([0-9.]+);"}],
            },
            "InputDataConfig": [channel("training", f"s3://{BUCKET}/data/")],
            "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/training"},
            "ResourceConfig": {"InstanceType": "ml.m6i.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
            "StoppingCondition": {"MaxRuntimeInSeconds": 60},
        }
        self.sagemaker.create_training_job(**{**request, **more})
        return name

    def trained(self, job: str) -> dict[str, Any]:
        """Return a training job once it has ended."""
        return eventually(
            lambda: self.sagemaker.describe_training_job(TrainingJobName=job),
            lambda described: described["TrainingJobStatus"] not in {"InProgress", "Stopping"},
        )


def variant(name: str, model: str, weight: float = 1.0) -> dict[str, Any]:
    """Return a production variant."""
    return {
        "VariantName": name,
        "ModelName": model,
        "InstanceType": "ml.m6i.large",
        "InitialInstanceCount": 2,
        "InitialVariantWeight": weight,
    }


def channel(name: str, uri: str) -> dict[str, Any]:
    """Return an input channel."""
    source = {"S3DataType": "S3Prefix", "S3Uri": uri, "S3DataDistributionType": "FullyReplicated"}
    return {"ChannelName": name, "ContentType": "text/csv", "DataSource": {"S3DataSource": source}}


def eventually(look: Callable[[], T], good: Callable[[T], bool], seconds: float = 300.0) -> T:
    """Return what `look` sees once it is good; the bound is for what hangs, not for what is slow."""
    deadline = time.monotonic() + seconds
    while not good(seen := look()):
        assert time.monotonic() < deadline, f"still {seen}"
        time.sleep(0.03)
    return seen


def collected(taken: Inbox, count: int) -> list[dict[str, Any]]:
    """Return the messages of an inbox once so many have come."""
    found: list[dict[str, Any]] = []

    def look() -> list[dict[str, Any]]:
        found.extend(taken())
        return found

    return eventually(look, lambda messages: len(messages) >= count)


def artifact(aws: LocalAws, uri: str) -> dict[str, Any]:
    """Return the JSON files of a model.tar.gz by name."""
    bucket, key = uri.removeprefix("s3://").split("/", 1)
    packed = aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        return {m.name: json.load(archive.extractfile(m) or io.BytesIO()) for m in archive.getmembers()}


def refused(call: Callable[..., object], **params: Any) -> tuple[str, str]:
    """Return code and message of the refusal that a call must meet."""
    with pytest.raises(ClientError) as caught:
        call(**params)
    return caught.value.response["Error"]["Code"], caught.value.response["Error"]["Message"]


def put_images(folder: Folder) -> None:
    """Put the two tiny images where `local image` puts real ones."""
    for kind in ("train", "inference"):
        image = folder.images / f"{kind}-{TAG}"
        (image / "venv" / "bin").mkdir(parents=True)
        (image / "venv" / "bin" / "python").symlink_to(sys.executable)
        shutil.copytree(IMAGES / kind, image / "code")
        environment_file(image).write_text(json.dumps({"FROM_DOCKERFILE": "1"}))


def prepare(aws: LocalAws) -> None:
    """Create the bucket, the data and the role that the tests use."""
    aws.client("s3").create_bucket(Bucket=BUCKET)
    aws.client("s3").put_object(Bucket=BUCKET, Key="data/hmda.csv", Body=b"a,b\n1,2\n")
    iam = aws.client("iam")
    iam.create_role(RoleName="demo-sagemaker", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="demo-sagemaker", PolicyName="work", PolicyDocument=json.dumps(WORK))


def options(folder: Folder, time_scale: float = 600.0) -> Options:
    """Return the options of a test's own server."""
    return Options(folder=folder, port=0, account=ACCOUNT, region=REGION, time_scale=time_scale)
