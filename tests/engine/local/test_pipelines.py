"""SageMaker Pipelines: definitions are read strictly, and their steps really run."""

import json
import time
import uuid
from typing import Any

import pytest
from tests.engine.local.harness import BUCKET, ROLE, TRAIN_IMAGE, TRUST, LocalAws, channel, eventually, refused

ORCHESTRATOR = ROLE.replace("demo-sagemaker", "orchestrator")
GRANTED = {
    "Version": "2012-10-17",
    "Statement": [{"Effect": "Allow", "Action": ["sagemaker:*", "iam:PassRole"], "Resource": "*"}],
}

TRAIN = {
    "Name": "train",
    "Type": "Training",
    "Arguments": {
        "RoleArn": ROLE,
        "AlgorithmSpecification": {
            "TrainingImage": TRAIN_IMAGE,
            "TrainingInputMode": "File",
            "MetricDefinitions": [{"Name": "test:score", "Regex": r"test:score=([0-9.]+);"}],
        },
        "HyperParameters": {"score": {"Get": "Parameters.Score"}},
        "InputDataConfig": [channel("training", f"s3://{BUCKET}/data/")],
        "OutputDataConfig": {"S3OutputPath": f"s3://{BUCKET}/training"},
        "ResourceConfig": {"InstanceType": "ml.m6i.large", "InstanceCount": 1, "VolumeSizeInGB": 1},
        "StoppingCondition": {"MaxRuntimeInSeconds": 60},
    },
    "CacheConfig": {"Enabled": True, "ExpireAfter": "P1D"},
}
SCORE = {"Get": "Steps.train.FinalMetricDataList['test:score'].Value"}
PARAMETERS = [{"Name": "Score", "Type": "String", "DefaultValue": "0.75"}]


@pytest.fixture(scope="module", autouse=True)
def orchestrator(aws: LocalAws) -> None:
    """Create the role that steps are carried out under."""
    iam = aws.client("iam")
    iam.create_role(RoleName="orchestrator", AssumeRolePolicyDocument=json.dumps(TRUST))
    iam.put_role_policy(RoleName="orchestrator", PolicyName="steps", PolicyDocument=json.dumps(GRANTED))


def judged(then: list[dict[str, Any]], otherwise: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a condition on the score."""
    condition = {"Type": "GreaterThanOrEqualTo", "LeftValue": SCORE, "RightValue": 0.5}
    arguments = {"Conditions": [condition], "IfSteps": then, "ElseSteps": otherwise}
    return {"Name": "judge", "Type": "Condition", "Arguments": arguments}


def fail(name: str, message: object) -> dict[str, Any]:
    """Return a step that fails."""
    return {"Name": name, "Type": "Fail", "Arguments": {"ErrorMessage": message}}


def create(aws: LocalAws, *steps: dict[str, Any], role: str = ORCHESTRATOR) -> str:
    """Create a pipeline; return its name."""
    name = f"pipeline-{uuid.uuid4().hex[:8]}"
    document = {"Version": "2020-12-01", "Parameters": PARAMETERS, "Steps": list(steps)}
    aws.sagemaker.create_pipeline(PipelineName=name, PipelineDefinition=json.dumps(document), RoleArn=role)
    return name


def execute(aws: LocalAws, name: str, **parameters: str) -> dict[str, Any]:
    """Run a pipeline to its end; return the execution with its steps by name."""
    given = [{"Name": key, "Value": value} for key, value in parameters.items()]
    arn = aws.sagemaker.start_pipeline_execution(PipelineName=name, PipelineParameters=given)["PipelineExecutionArn"]
    execution: dict[str, Any] = eventually(
        lambda: aws.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn),
        lambda described: described["PipelineExecutionStatus"] not in {"Executing", "Stopping"},
    )
    steps = aws.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    return {**execution, "steps": {step["StepName"]: step for step in steps}}


def test_condition_on_what_a_job_printed_chooses_the_branch(aws: LocalAws) -> None:
    """A parameter reaches the job, its metric the condition, and the branch that was not taken never runs."""
    told = {"Std:Join": {"On": " ", "Values": ["only", SCORE]}}
    name = create(aws, TRAIN, judged([fail("good", "good")], [fail("bad", told)]))

    good, bad = execute(aws, name), execute(aws, name, Score="0.25")

    assert good["steps"]["judge"]["Metadata"]["Condition"]["Outcome"] == "True"
    assert set(good["steps"]) == {"train", "judge", "good"}
    assert bad["steps"]["bad"]["FailureReason"] == "only 0.25"
    assert {run["PipelineExecutionStatus"] for run in (good, bad)} == {"Failed"}
    job = bad["steps"]["train"]["Metadata"]["TrainingJob"]["Arn"].rsplit("/", 1)[-1]
    assert aws.sagemaker.describe_training_job(TrainingJobName=job)["HyperParameters"] == {"score": "0.25"}


def test_step_with_the_same_arguments_is_found(aws: LocalAws) -> None:
    """Other arguments are another step."""
    name = create(aws, TRAIN)
    first = execute(aws, name)

    again, other = execute(aws, name), execute(aws, name, Score="0.5")

    assert {run["PipelineExecutionStatus"] for run in (first, again, other)} == {"Succeeded"}
    source = again["steps"]["train"]["CacheHitResult"]["SourcePipelineExecutionArn"]
    assert source == first["PipelineExecutionArn"]
    assert again["steps"]["train"]["Metadata"] == first["steps"]["train"]["Metadata"]
    assert "CacheHitResult" not in other["steps"]["train"]


def test_found_step_expires(aws: LocalAws) -> None:
    """After its time it is run again."""
    name = create(aws, {**TRAIN, "CacheConfig": {"Enabled": True, "ExpireAfter": "PT1S"}})
    execute(aws, name)
    time.sleep(1.1)

    assert "CacheHitResult" not in execute(aws, name)["steps"]["train"]


def test_failing_job_fails_the_execution(aws: LocalAws) -> None:
    """Steps that need it never start."""
    broken = {**TRAIN, "Arguments": {**TRAIN["Arguments"], "HyperParameters": {"fail": "no such column"}}}  # type: ignore[dict-item]

    run = execute(aws, create(aws, broken, judged([], [])))

    assert run["PipelineExecutionStatus"] == "Failed"
    assert "no such column" in run["steps"]["train"]["FailureReason"]
    assert set(run["steps"]) == {"train"}


def test_step_is_carried_out_under_the_role_of_the_pipeline(aws: LocalAws) -> None:
    """What IAM does not allow that role, no step does, whoever started the execution."""
    run = execute(aws, create(aws, TRAIN, role=ROLE))

    assert run["PipelineExecutionStatus"] == "Failed"
    assert "not authorized to perform: sagemaker:CreateTrainingJob" in run["steps"]["train"]["FailureReason"]


def test_stopped_execution_stops_its_job(aws: LocalAws) -> None:
    """What has begun ends, what has not never begins."""
    slow = {**TRAIN, "Arguments": {**TRAIN["Arguments"], "HyperParameters": {"sleep": "30"}}}  # type: ignore[dict-item]
    name = create(aws, slow, judged([], []))
    arn = aws.sagemaker.start_pipeline_execution(PipelineName=name)["PipelineExecutionArn"]
    eventually(
        lambda: aws.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"],
        lambda found: bool(found) and "Metadata" in found[0],
    )

    aws.sagemaker.stop_pipeline_execution(PipelineExecutionArn=arn)

    ended = eventually(
        lambda: aws.sagemaker.describe_pipeline_execution(PipelineExecutionArn=arn)["PipelineExecutionStatus"],
        lambda status: status not in {"Executing", "Stopping"},
    )
    found = aws.sagemaker.list_pipeline_execution_steps(PipelineExecutionArn=arn)["PipelineExecutionSteps"]
    assert ended == "Stopped"
    assert [step["StepStatus"] for step in found] == ["Stopped"]


@pytest.mark.parametrize(
    ("steps", "code", "message"),
    [
        ([{"Name": "x", "Type": "Lambda", "Arguments": {}}], "NotImplementedByLocalAWS", "type Lambda"),
        ([fail("x", {"Get": "Parameters.Nobody"})], "ValidationException", "Nobody, which is not declared"),
        ([fail("x", {"Get": "Steps.nobody.X"})], "ValidationException", "needs nobody"),
        ([fail("x", "1"), fail("x", "2")], "ValidationException", "must be unique"),
        ([{"Name": "x", "Type": "Training", "Arguments": {"Image": "y"}}], "ValidationException", "no argument Image"),
        ([{**TRAIN, "CacheConfig": {"Enabled": True, "ExpireAfter": "soon"}}], "NotImplementedByLocalAWS", "soon"),
        ([], "ValidationException", "at least one step"),
    ],
)
def test_refuses_a_definition(aws: LocalAws, steps: list[dict[str, Any]], code: str, message: str) -> None:
    """When the pipeline is created, not when it runs."""
    found = refused(lambda: create(aws, *steps))

    assert found[0] == code
    assert message in found[1]


def test_refuses_parameters_that_are_not_declared(aws: LocalAws) -> None:
    """A mistyped parameter does not run with the default."""
    name = create(aws, TRAIN)

    found = refused(lambda: execute(aws, name, score="0.5"))

    assert found == ("ValidationException", "Invalid pipeline parameters: score are not declared by the pipeline.")


def test_pipeline_is_updated_and_deleted(aws: LocalAws) -> None:
    """A name is taken until it is deleted; an execution keeps the definition that it ran."""
    name = create(aws, fail("x", "one"))
    old = execute(aws, name)
    changed = json.dumps({"Version": "2020-12-01", "Steps": [fail("x", "two")]})

    aws.sagemaker.update_pipeline(PipelineName=name, PipelineDefinition=changed)

    new = execute(aws, name)
    kept = aws.sagemaker.describe_pipeline_definition_for_execution(PipelineExecutionArn=old["PipelineExecutionArn"])
    assert new["steps"]["x"]["FailureReason"] == "two"
    assert '"one"' in kept["PipelineDefinition"]
    taken = {"PipelineName": name, "PipelineDefinition": changed, "RoleArn": ROLE}
    assert refused(aws.sagemaker.create_pipeline, **taken)[0] == "ConflictException"
    aws.sagemaker.delete_pipeline(PipelineName=name)
    assert refused(aws.sagemaker.describe_pipeline, PipelineName=name)[0] == "ResourceNotFound"
