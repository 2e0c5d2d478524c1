"""Clients that nobody here wrote: the AWS CLI and the SageMaker SDK train, describe, deploy and invoke.

They have a lock of their own (clients.txt) and a virtual environment of their own: `make clients`.
"""

import json
import os
import subprocess
import uuid
from pathlib import Path
from typing import Any

import pytest
from tests.engine.local.harness import (
    BUCKET,
    INFERENCE_IMAGE,
    PROJECT_ROOT,
    ROLE,
    TRAIN_IMAGE,
    LocalAws,
    channel,
    variant,
)

BIN = Path(os.environ.get("CLIENTS_VENV", PROJECT_ROOT / ".local" / "clients")) / "bin"
SDK_PROGRAM = Path(__file__).parent / "sdk" / "model_trainer.py"

pytestmark = pytest.mark.skipif(not (BIN / "aws").exists(), reason="the clients are not installed: run `make clients`")


def run(aws: LocalAws, home: Path, *command: str) -> str:
    """Run a program against the local AWS; return its output."""
    environment = {
        **aws.running.environment(),
        "PATH": f"{BIN}:/usr/bin:/bin",
        "HOME": str(home),
        # The SDK asks IAM's policy simulator otherwise, which no emulator has.
        "SAGEMAKER_VALIDATE_ROLE": "false",
    }
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1800)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout


def cli(aws: LocalAws, home: Path, *words: str, **request: Any) -> dict[str, Any]:
    """Run the AWS CLI; return what it printed."""
    given = ["--cli-input-json", json.dumps(request)] if request else []
    text = run(aws, home, str(BIN / "aws"), *words, *given, "--output", "json")
    answer: dict[str, Any] = json.loads(text) if text.strip().startswith("{") else {}
    return answer


def test_the_aws_cli_trains_deploys_and_invokes(aws: LocalAws, tmp_path: Path) -> None:
    """Data in by `s3 cp`, a prediction out by `invoke-endpoint`, an alarm's percentile by `cloudwatch`."""
    name = f"cli-{uuid.uuid4().hex[:8]}"
    (tmp_path / "data.csv").write_text("a,b\n1,2\n3,4\n")
    run(aws, tmp_path, str(BIN / "aws"), "s3", "cp", str(tmp_path / "data.csv"), f"s3://{BUCKET}/{name}/data.csv")

    cli(
        aws,
        tmp_path,
        "sagemaker",
        "create-training-job",
        TrainingJobName=name,
        RoleArn=ROLE,
        AlgorithmSpecification={"TrainingImage": TRAIN_IMAGE, "TrainingInputMode": "File"},
        InputDataConfig=[channel("training", f"s3://{BUCKET}/{name}/")],
        OutputDataConfig={"S3OutputPath": f"s3://{BUCKET}/training"},
        ResourceConfig={"InstanceType": "ml.m6i.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        StoppingCondition={"MaxRuntimeInSeconds": 60},
    )
    aws.trained(name)
    job = cli(aws, tmp_path, "sagemaker", "describe-training-job", "--training-job-name", name)
    container = {"Image": INFERENCE_IMAGE, "ModelDataUrl": job["ModelArtifacts"]["S3ModelArtifacts"]}
    cli(aws, tmp_path, "sagemaker", "create-model", ModelName=name, ExecutionRoleArn=ROLE, PrimaryContainer=container)
    config = {"EndpointConfigName": name, "ProductionVariants": [variant("v1", name)]}
    cli(aws, tmp_path, "sagemaker", "create-endpoint-config", **config)
    cli(aws, tmp_path, "sagemaker", "create-endpoint", EndpointName=name, EndpointConfigName=name)
    aws.settled(name)
    endpoint = cli(aws, tmp_path, "sagemaker", "describe-endpoint", "--endpoint-name", name)
    (tmp_path / "body.json").write_text('{"x": 1}')
    invoked = cli(
        aws,
        tmp_path,
        "sagemaker-runtime",
        "invoke-endpoint",
        *("--endpoint-name", name, "--content-type", "application/json"),
        *("--body", f"fileb://{tmp_path / 'body.json'}", "--inference-id", "cli-1", str(tmp_path / "answer.json")),
    )
    metrics = cli(aws, tmp_path, "cloudwatch", "list-metrics", "--namespace", "AWS/SageMaker")["Metrics"]

    assert job["TrainingJobStatus"] == "Completed"
    assert endpoint["EndpointStatus"] == "InService"
    assert invoked["InvokedProductionVariant"] == "v1"
    assert json.loads((tmp_path / "answer.json").read_text())["inference_id"] == "cli-1"
    assert any({"Name": "EndpointName", "Value": name} in metric["Dimensions"] for metric in metrics)


def test_the_sagemaker_sdk_trains_deploys_and_invokes(aws: LocalAws, tmp_path: Path) -> None:
    """ModelTrainer, then Model, EndpointConfig and Endpoint of sagemaker-core."""
    name = f"sdk-{uuid.uuid4().hex[:8]}"
    program = [str(BIN / "python"), str(SDK_PROGRAM)]

    told = run(aws, tmp_path, *program, TRAIN_IMAGE, INFERENCE_IMAGE, ROLE, BUCKET, name)

    result = json.loads(told.strip().splitlines()[-1])
    assert result["job"] == "Completed"
    assert result["body"]["inference_id"] == "sdk-1"
