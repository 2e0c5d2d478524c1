"""Training jobs: CreateTrainingJob and the other operations."""

import threading
from collections.abc import Callable

from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.sagemaker import transfer
from sagemaker_gitops.local.sagemaker.jobs import Runner
from sagemaker_gitops.local.sagemaker.listing import Listing, Tags
from sagemaker_gitops.local.sagemaker.training_run import TrainingRun
from sagemaker_gitops.local.server.context import Call, Document, Place, in_use, invalid, now, unsupported
from sagemaker_gitops.local.server.service import SharedState

KIND = "training-job"
_LISTING = Listing(result="TrainingJobSummaries", name="TrainingJobName", status="TrainingJobStatus", descending=False)
_NOT_RUN = frozenset({"ServerlessJobConfig", "MlflowConfig", "ModelPackageConfig"})
_DAY_SECONDS = 86_400


class Training:
    """The training operations."""

    def __init__(self, shared: SharedState, roles: Roles, tags: Tags) -> None:
        self._shared = shared
        self._roles = roles
        self._tags = tags
        self._runners: dict[tuple[Place, str], Runner] = {}
        self._lock = threading.Lock()

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "CreateTrainingJob": self.create,
            "DescribeTrainingJob": self.describe,
            "ListTrainingJobs": self.list,
            "StopTrainingJob": self.stop,
        }

    def create(self, call: Call) -> Document:
        """CreateTrainingJob."""
        self.check(call.place, call.params)
        return {"TrainingJobArn": self.begin(call.place, call.params)}

    def check(self, place: Place, params: Document) -> None:
        """Refuse a job that cannot run."""
        _refuse_what_is_not_run(params)
        self._roles.require(place, params["RoleArn"])
        self._shared.images.find(params["AlgorithmSpecification"]["TrainingImage"])

    def begin(self, place: Place, params: Document, **fields: object) -> str:
        """Start a job that was checked; `fields` stand on it from the start. Return its ARN."""
        name, arn = params["TrainingJobName"], place.arn(KIND, params["TrainingJobName"])
        with self._lock:
            if self._shared.store.find(place, KIND, name):
                raise in_use(
                    "Job name must be unique within an AWS account and region, and a job with this name "
                    f"already exists ({arn})"
                )
            self._tags.put(place, arn, params.pop("Tags", []))
            self._runners[place, name] = Runner(self._shared)
            self._shared.store.put(place, KIND, name, {**_fresh(params, arn), **fields})
        self._start(place, name)
        return arn

    def describe(self, call: Call) -> Document:
        """DescribeTrainingJob."""
        return self._find(call)

    def list(self, call: Call) -> Document:
        """ListTrainingJobs."""
        return _LISTING.page(self._shared.store.all(call.place, KIND), call.params)

    def stop(self, call: Call) -> Document:
        """StopTrainingJob."""
        job = self._find(call)
        if job["TrainingJobStatus"] != "InProgress":
            raise invalid(f"The request was rejected because the training job is in status {job['TrainingJobStatus']}.")
        self.end(call.place, job["TrainingJobName"])
        return {}

    def end(self, place: Place, name: str) -> None:
        """Stop a job that runs."""
        self._shared.store.change(place, KIND, name, TrainingJobStatus="Stopping", SecondaryStatus="Stopping")
        self._runners[place, name].stop.set()

    def fail_interrupted(self) -> None:
        """Fail the jobs that a former server left running."""
        for place, name, job in self._shared.store.everywhere(KIND):
            if job["TrainingJobStatus"] in {"InProgress", "Stopping"}:
                self._shared.store.change(
                    place,
                    KIND,
                    name,
                    TrainingJobStatus="Failed",
                    SecondaryStatus="Failed",
                    TrainingEndTime=now(),
                    FailureReason="InternalServerError: We encountered an internal error. Please try again.",
                )

    def _start(self, place: Place, name: str) -> None:
        runner = self._runners[place, name]
        run = TrainingRun(self._shared, self._roles, runner, place=place, name=name)
        threading.Thread(target=run.run, daemon=True, name=f"train-{name}").start()

    def _find(self, call: Call) -> Document:
        job = self._shared.store.find(call.place, KIND, call.params["TrainingJobName"])
        if job is None:
            raise invalid("Requested resource not found.")
        return job


def _fresh(params: Document, arn: str) -> Document:
    stopping = {"MaxRuntimeInSeconds": _DAY_SECONDS, **params.get("StoppingCondition", {})}
    return {
        "EnableNetworkIsolation": False,
        "EnableInterContainerTrafficEncryption": False,
        "EnableManagedSpotTraining": False,
        **params,
        "StoppingCondition": stopping,
        "TrainingJobArn": arn,
        "TrainingJobStatus": "InProgress",
        "SecondaryStatus": "Starting",
        "CreationTime": now(),
        "LastModifiedTime": now(),
    }


def _refuse_what_is_not_run(params: Document) -> None:
    algorithm = params.get("AlgorithmSpecification", {})
    if "TrainingImage" not in algorithm:
        raise unsupported("training without AlgorithmSpecification.TrainingImage")
    if beyond := sorted(_NOT_RUN & set(params)):
        raise unsupported(f"{', '.join(beyond)} of CreateTrainingJob")
    if params["OutputDataConfig"].get("CompressionType", "GZIP") != "GZIP":
        raise unsupported("OutputDataConfig.CompressionType NONE")
    resources = params.get("ResourceConfig")
    if resources is None:
        raise invalid("ResourceConfig is required.")
    if resources.get("InstanceGroups"):
        raise unsupported("training on groups of unlike instances")
    transfer.checkpoints_of(params)
    _check_spot(params)
    for channel in params.get("InputDataConfig", []):
        _check_channel(channel, algorithm.get("TrainingInputMode", "File"))


def _check_spot(params: Document) -> None:
    stopping, spot = params.get("StoppingCondition", {}), params.get("EnableManagedSpotTraining", False)
    wait, run = stopping.get("MaxWaitTimeInSeconds"), stopping.get("MaxRuntimeInSeconds", _DAY_SECONDS)
    if spot and wait is None:
        raise invalid("MaxWaitTimeInSeconds must be provided when EnableManagedSpotTraining is true.")
    if wait is not None and not spot:
        raise invalid("MaxWaitTimeInSeconds is only supported when EnableManagedSpotTraining is true.")
    if wait is not None and wait < run:
        raise invalid(f"Invalid MaxWaitTimeInSeconds. It must be present and be greater than or equal to {run}.")


def _check_channel(channel: Document, job_mode: str) -> None:
    source = channel["DataSource"].get("S3DataSource", {})
    plain = (
        source.get("S3DataType") == "S3Prefix"
        and channel.get("InputMode", job_mode) != "Pipe"
        and channel.get("CompressionType", "None") == "None"
        and channel.get("RecordWrapperType", "None") == "None"
    )
    if not plain:
        raise unsupported(
            f"input channel {channel['ChannelName']}: only an uncompressed S3Prefix in mode File or FastFile"
        )
