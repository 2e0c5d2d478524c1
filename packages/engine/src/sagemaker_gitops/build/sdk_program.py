"""Starts one training job with ModelTrainer. It runs in the SDK's own environment; `client` starts it.

Reads a request to CreateTrainingJob from stdin; prints whether it started the job, or found it started.
"""

import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

import boto3
from botocore.exceptions import ClientError
from sagemaker.core.helper.session_helper import Session
from sagemaker.core.shapes import Channel, CheckpointConfig, DataSource, MetricDefinition, S3DataSource
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, OutputDataConfig, StoppingCondition, Tag


class NamedTrainer(ModelTrainer):  # type: ignore[misc]  # the SDK is untyped
    """A trainer whose job bears exactly the name that it is given: the name is the cache's key."""

    def _create_training_job_args(self, *arguments: Any, **named: Any) -> dict[str, Any]:
        # The SDK appends the time to base_job_name and has no way to leave it out (sagemaker-train 1.27).
        request: dict[str, Any] = super()._create_training_job_args(*arguments, **named)
        return {**request, "training_job_name": self.base_job_name}


def main(request: Mapping[str, Any]) -> dict[str, bool]:
    """Start the job; one of that name is somebody else's start of the same."""
    trainer = _trainer(request)
    try:
        trainer.train(input_data_config=[_channel(item) for item in request["InputDataConfig"]], wait=False)
    except ClientError as error:
        if error.response["Error"]["Code"] == "ResourceInUse":
            return {"started": False}
        raise
    return {"started": True}


def _trainer(request: Mapping[str, Any]) -> NamedTrainer:
    bucket = request["OutputDataConfig"]["S3OutputPath"].removeprefix("s3://").partition("/")[0]
    resources, stopping = request["ResourceConfig"], request["StoppingCondition"]
    algorithm = request["AlgorithmSpecification"]
    trainer = NamedTrainer(
        training_image=algorithm["TrainingImage"],
        training_input_mode=algorithm["TrainingInputMode"],
        role=request["RoleArn"],
        base_job_name=request["TrainingJobName"],
        # Without a bucket of ours the SDK asks STS at a fixed address, and makes one.
        sagemaker_session=Session(boto_session=boto3.Session(), default_bucket=bucket),
        hyperparameters=dict(request["HyperParameters"]),
        environment=dict(request["Environment"]),
        compute=Compute(
            instance_type=resources["InstanceType"],
            instance_count=resources["InstanceCount"],
            volume_size_in_gb=resources["VolumeSizeInGB"],
            enable_managed_spot_training=request.get("EnableManagedSpotTraining"),
        ),
        output_data_config=OutputDataConfig(
            s3_output_path=request["OutputDataConfig"]["S3OutputPath"],
            kms_key_id=request["OutputDataConfig"]["KmsKeyId"],
        ),
        stopping_condition=StoppingCondition(
            max_runtime_in_seconds=stopping["MaxRuntimeInSeconds"],
            max_wait_time_in_seconds=stopping.get("MaxWaitTimeInSeconds"),
        ),
        tags=[Tag(key=tag["Key"], value=tag["Value"]) for tag in request["Tags"]],
    )
    if "CheckpointConfig" in request:
        trainer.with_checkpoint_config(CheckpointConfig(s3_uri=request["CheckpointConfig"]["S3Uri"]))
    metrics = [MetricDefinition(name=item["Name"], regex=item["Regex"]) for item in algorithm["MetricDefinitions"]]
    return trainer.with_metric_definitions(metrics)  # type: ignore[no-any-return]


def _channel(item: Mapping[str, Any]) -> Channel:
    source = item["DataSource"]["S3DataSource"]
    return Channel(
        channel_name=item["ChannelName"],
        content_type=item["ContentType"],
        data_source=DataSource(
            s3_data_source=S3DataSource(
                s3_data_type=source["S3DataType"],
                s3_uri=source["S3Uri"],
                s3_data_distribution_type=source["S3DataDistributionType"],
            )
        ),
    )


if __name__ == "__main__":
    # The SDK prints tables for people, where only the answer belongs.
    with redirect_stdout(sys.stderr):
        answer = main(json.load(sys.stdin))
    json.dump(answer, sys.stdout)
