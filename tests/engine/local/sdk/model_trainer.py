"""Train, register a model, deploy and invoke with the SageMaker SDK; the test runs it as a program of its own.

Arguments: training image, inference image, role, bucket, name. Prints one JSON line.
"""

import json
import sys

from sagemaker.core.helper.session_helper import Session
from sagemaker.core.resources import Endpoint, EndpointConfig, Model
from sagemaker.core.shapes import ContainerDefinition, ProductionVariant
from sagemaker.train import ModelTrainer
from sagemaker.train.configs import Compute, InputData, OutputDataConfig, StoppingCondition


def main(train_image: str, inference_image: str, role: str, bucket: str, name: str) -> None:
    """Run the whole way."""
    session = Session(default_bucket=bucket)
    trainer = ModelTrainer(
        training_image=train_image,
        role=role,
        base_job_name=name,
        sagemaker_session=session,
        compute=Compute(instance_type="ml.m6i.large", instance_count=1, volume_size_in_gb=1),
        hyperparameters={"depth": "4"},
        output_data_config=OutputDataConfig(s3_output_path=f"s3://{bucket}/sdk"),
        stopping_condition=StoppingCondition(max_runtime_in_seconds=60),
    )
    data = InputData(channel_name="training", data_source=f"s3://{bucket}/data/")
    trainer.train(input_data_config=[data], wait=False)
    job = trainer._latest_training_job
    job.wait(poll=1, logs=False)
    container = ContainerDefinition(image=inference_image, model_data_url=job.model_artifacts.s3_model_artifacts)
    Model.create(model_name=name, execution_role_arn=role, primary_container=container)
    variant = ProductionVariant(
        variant_name="v1",
        model_name=name,
        instance_type="ml.m6i.large",
        initial_instance_count=1,
        initial_variant_weight=1.0,
    )
    EndpointConfig.create(endpoint_config_name=name, production_variants=[variant])
    endpoint = Endpoint.create(endpoint_name=name, endpoint_config_name=name)
    endpoint.wait_for_status("InService", poll=1)
    answer = endpoint.invoke(body=json.dumps({"x": 1}), content_type="application/json", inference_id="sdk-1")
    print(  # noqa: T201 - what the test reads
        json.dumps({"job": job.training_job_status, "body": json.loads(answer.body.read())})
    )


main(*sys.argv[1:])
