"""Hyperparameter tuning jobs: many training jobs, and the best of them."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, cast

import botocore.exceptions

from sagemaker_gitops.aws.session import is_missing
from sagemaker_gitops.aws.training import TrainingRequest, as_request

if TYPE_CHECKING:
    from mypy_boto3_sagemaker import SageMakerClient
    from mypy_boto3_sagemaker.type_defs import (
        DescribeHyperParameterTuningJobResponseTypeDef,
        HyperParameterTrainingJobDefinitionTypeDef,
        HyperParameterTrainingJobSummaryTypeDef,
        HyperParameterTuningJobConfigTypeDef,
        ParameterRangesTypeDef,
    )

Strategy = Literal["Bayesian", "Grid", "Hyperband", "Random"]
Scale = Literal["Auto", "Linear", "Logarithmic", "ReverseLogarithmic"]


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Between which numbers a hyperparameter is tried."""

    minimum: str
    maximum: str
    integer: bool
    scale: Scale


@dataclass(frozen=True, kw_only=True)
class TuningRequest:
    """What each trial is, which hyperparameters differ between them, and which metric decides.

    The name of `training` is the tuning job's; its hyperparameters are those that stay the same.
    """

    training: TrainingRequest
    ranges: Mapping[str, Bounds | tuple[str, ...]]
    metric: str
    objective: Literal["Maximize", "Minimize"]
    strategy: Strategy
    seed: int
    jobs: int
    parallel: int


@dataclass(frozen=True, kw_only=True)
class Trial:
    """One training job of a search; `value` is None when it printed no metric."""

    name: str
    status: str
    tuned: Mapping[str, str]
    value: float | None


@dataclass(frozen=True, kw_only=True)
class TuningJob:
    """A tuning job as AWS describes it."""

    name: str
    status: str
    failure: str
    best: Trial | None

    @property
    def ended(self) -> bool:
        """Tell whether the job will change no more."""
        return self.status in {"Completed", "Failed", "Stopped"}


class Tuning:
    """Start, find and await tuning jobs."""

    def __init__(self, client: "SageMakerClient", *, poll_seconds: float) -> None:
        self._client = client
        self._poll_seconds = poll_seconds

    def find(self, name: str) -> TuningJob | None:
        """Describe a job; None when there is none of that name."""
        try:
            return _job(self._client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name))
        except botocore.exceptions.ClientError as err:
            if is_missing(err) or "can't find" in str(err):
                return None
            raise

    def start(self, request: TuningRequest) -> None:
        """Start a search."""
        training = request.training
        self._client.create_hyper_parameter_tuning_job(
            HyperParameterTuningJobName=training.name,
            HyperParameterTuningJobConfig=_search(request),
            TrainingJobDefinition=_definition(training),
            Tags=[{"Key": key, "Value": value} for key, value in training.tags.items()],
        )

    def wait(self, name: str, progress: Callable[[str], None]) -> TuningJob:
        """Wait until a job has ended, saying how far it is."""
        shown = ""
        while True:
            answer = self._client.describe_hyper_parameter_tuning_job(HyperParameterTuningJobName=name)
            if (job := _job(answer)).ended:
                return job
            done = answer["TrainingJobStatusCounters"].get("Completed", 0)
            if (now := f"tuning job {name}: {done} trials completed") != shown:
                progress(now)
                shown = now
            time.sleep(self._poll_seconds)

    def trials(self, name: str) -> Sequence[Trial]:
        """List a job's trials."""
        pages = self._client.get_paginator("list_training_jobs_for_hyper_parameter_tuning_job").paginate(
            HyperParameterTuningJobName=name
        )
        return [_trial(item) for page in pages for item in page["TrainingJobSummaries"]]


def _search(request: TuningRequest) -> "HyperParameterTuningJobConfigTypeDef":
    search: HyperParameterTuningJobConfigTypeDef = {
        "Strategy": request.strategy,
        "HyperParameterTuningJobObjective": {"Type": request.objective, "MetricName": request.metric},
        "ResourceLimits": {"MaxParallelTrainingJobs": request.parallel},
        "ParameterRanges": _ranges(request.ranges),
        "RandomSeed": request.seed,
    }
    if request.strategy != "Grid":
        # A grid has as many jobs as combinations; AWS refuses another number.
        search["ResourceLimits"]["MaxNumberOfTrainingJobs"] = request.jobs
    return search


def _definition(training: TrainingRequest) -> "HyperParameterTrainingJobDefinitionTypeDef":
    asked = as_request(training)
    own = {name: value for name, value in asked.items() if name not in {"TrainingJobName", "HyperParameters", "Tags"}}
    return cast(
        "HyperParameterTrainingJobDefinitionTypeDef",
        {**own, "StaticHyperParameters": dict(training.hyperparameters)},
    )


def _ranges(ranges: Mapping[str, Bounds | tuple[str, ...]]) -> "ParameterRangesTypeDef":
    numbers = {name: item for name, item in ranges.items() if isinstance(item, Bounds)}
    named = {
        kind: [
            {"Name": name, "MinValue": item.minimum, "MaxValue": item.maximum, "ScalingType": item.scale}
            for name, item in numbers.items()
            if item.integer is integer
        ]
        for kind, integer in (("IntegerParameterRanges", True), ("ContinuousParameterRanges", False))
    }
    choices = [{"Name": name, "Values": list(item)} for name, item in ranges.items() if not isinstance(item, Bounds)]
    found = {**named, "CategoricalParameterRanges": choices}
    return cast("ParameterRangesTypeDef", {kind: items for kind, items in found.items() if items})


def _job(answer: "DescribeHyperParameterTuningJobResponseTypeDef") -> TuningJob:
    best = answer.get("BestTrainingJob")
    return TuningJob(
        name=answer["HyperParameterTuningJobName"],
        status=answer["HyperParameterTuningJobStatus"],
        failure=answer.get("FailureReason", ""),
        best=_trial(best) if best else None,
    )


def _trial(item: "HyperParameterTrainingJobSummaryTypeDef") -> Trial:
    measured = item.get("FinalHyperParameterTuningJobObjectiveMetric")
    return Trial(
        name=item["TrainingJobName"],
        status=item["TrainingJobStatus"],
        tuned=item["TunedHyperParameters"],
        value=measured["Value"] if measured else None,
    )
