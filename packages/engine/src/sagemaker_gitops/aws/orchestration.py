"""SageMaker Pipelines: a definition and its executions."""

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import botocore.exceptions

from sagemaker_gitops.aws.session import is_missing

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import ParameterTypeDef, PipelineExecutionStepTypeDef

_RUNNING = frozenset({"Executing", "Stopping"})


@dataclass(frozen=True, kw_only=True)
class Step:
    """What became of one step; `made` is the ARN of what it created, or why it refused."""

    name: str
    status: str
    failure: str
    made: str
    cached: bool


@dataclass(frozen=True, kw_only=True)
class Execution:
    """One execution of a pipeline, with its steps in the order of their start."""

    arn: str
    status: str
    failure: str
    steps: tuple[Step, ...]

    def step(self, name: str) -> Step | None:
        """Find a step that was reached."""
        return next((step for step in self.steps if step.name == name), None)

    @property
    def failed(self) -> Step | None:
        """The step that ended the execution."""
        return next((step for step in self.steps if step.status == "Failed"), None)


class Orchestration:
    """The pipelines of SageMaker."""

    def __init__(self, client: "SageMakerClient", *, poll_seconds: float) -> None:
        self._client = client
        self._poll_seconds = poll_seconds

    def put(self, name: str, definition: str, *, role_arn: str, tags: Mapping[str, str]) -> None:
        """Create a pipeline, or bring it to this definition."""
        if self._current(name) is None:
            self._client.create_pipeline(
                PipelineName=name,
                PipelineDefinition=definition,
                RoleArn=role_arn,
                ClientRequestToken=uuid.uuid4().hex,
                Tags=[{"Key": key, "Value": value} for key, value in tags.items()],
            )
        elif self._current(name) != definition:
            self._client.update_pipeline(PipelineName=name, PipelineDefinition=definition, RoleArn=role_arn)

    def start(self, name: str, parameters: Mapping[str, str]) -> str:
        """Start an execution; return its ARN."""
        given: list[ParameterTypeDef] = [{"Name": key, "Value": value} for key, value in parameters.items()]
        answer = self._client.start_pipeline_execution(
            # A call that is repeated because its answer was lost starts nothing twice.
            PipelineName=name,
            PipelineParameters=given,
            ClientRequestToken=uuid.uuid4().hex,
        )
        return answer["PipelineExecutionArn"]

    def wait(self, arn: str, progress: Callable[[str], None]) -> Execution:
        """Wait until an execution has ended, saying which step it is at."""
        shown = ""
        while True:
            answer = self._client.describe_pipeline_execution(PipelineExecutionArn=arn)
            steps = self._steps(arn)
            told = ", ".join(f"{step.name} {step.status}" for step in steps) or "not begun"
            if told != shown:
                progress(f"pipeline execution {arn.rsplit('/', 1)[-1]}: {told}")
                shown = told
            if (status := answer["PipelineExecutionStatus"]) not in _RUNNING:
                return Execution(
                    arn=arn, status=status, failure=answer.get("FailureReason", ""), steps=self._steps(arn)
                )
            time.sleep(self._poll_seconds)

    def _current(self, name: str) -> str | None:
        try:
            return self._client.describe_pipeline(PipelineName=name)["PipelineDefinition"]
        except botocore.exceptions.ClientError as err:
            if is_missing(err):
                return None
            raise

    def _steps(self, arn: str) -> tuple[Step, ...]:
        pages = self._client.get_paginator("list_pipeline_execution_steps").paginate(
            PipelineExecutionArn=arn, SortOrder="Ascending"
        )
        return tuple(_step(item) for page in pages for item in page["PipelineExecutionSteps"])


def _step(item: "PipelineExecutionStepTypeDef") -> Step:
    metadata = item.get("Metadata", {})
    made = metadata.get("TrainingJob", {}).get("Arn") or metadata.get("RegisterModel", {}).get("Arn")
    refused = metadata.get("Fail", {}).get("ErrorMessage")
    return Step(
        name=item["StepName"],
        status=item["StepStatus"],
        failure=item.get("FailureReason", ""),
        made=made or refused or "",
        cached="CacheHitResult" in item,
    )
