"""Processing jobs: CreateProcessingJob and the other operations."""

import threading
from collections.abc import Callable

from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.sagemaker.jobs import Runner
from sagemaker_gitops.local.sagemaker.listing import Listing, Tags
from sagemaker_gitops.local.sagemaker.processing_run import INPUT_TYPES, ROOT, ProcessingRun
from sagemaker_gitops.local.server.context import Call, Document, Place, in_use, invalid, now, unsupported
from sagemaker_gitops.local.server.service import SharedState

KIND = "processing-job"
_LISTING = Listing(result="ProcessingJobSummaries", name="ProcessingJobName", status="ProcessingJobStatus")
_DAY_SECONDS = 86_400


class Processing:
    """The processing operations."""

    def __init__(self, shared: SharedState, roles: Roles, tags: Tags) -> None:
        self._shared = shared
        self._roles = roles
        self._tags = tags
        self._runners: dict[tuple[Place, str], Runner] = {}
        self._lock = threading.Lock()

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "CreateProcessingJob": self.create,
            "DescribeProcessingJob": self.describe,
            "ListProcessingJobs": self.list,
            "StopProcessingJob": self.stop,
        }

    def create(self, call: Call) -> Document:
        """CreateProcessingJob."""
        place, params = call.place, call.params
        name, arn = params["ProcessingJobName"], place.arn(KIND, params["ProcessingJobName"])
        _refuse_what_is_not_run(params)
        self._roles.require(place, params["RoleArn"])
        self._shared.images.find(params["AppSpecification"]["ImageUri"])
        with self._lock:
            if self._shared.store.find(place, KIND, name):
                raise in_use(
                    "Job name must be unique within an AWS account and region, and a job with this name "
                    f"already exists ({arn})"
                )
            self._tags.put(place, arn, params.pop("Tags", []))
            runner = self._runners[place, name] = Runner(self._shared)
            self._shared.store.put(place, KIND, name, _fresh(params, arn))
        run = ProcessingRun(self._shared, self._roles, runner, place=place, name=name)
        threading.Thread(target=run.run, daemon=True, name=f"process-{name}").start()
        return {"ProcessingJobArn": arn}

    def describe(self, call: Call) -> Document:
        """DescribeProcessingJob."""
        return self._find(call)

    def list(self, call: Call) -> Document:
        """ListProcessingJobs."""
        return _LISTING.page(self._shared.store.all(call.place, KIND), call.params)

    def stop(self, call: Call) -> Document:
        """StopProcessingJob."""
        job = self._find(call)
        if job["ProcessingJobStatus"] != "InProgress":
            raise invalid(
                f"The request was rejected because the processing job is in status {job['ProcessingJobStatus']}."
            )
        name = job["ProcessingJobName"]
        self._shared.store.change(call.place, KIND, name, ProcessingJobStatus="Stopping")
        self._runners[call.place, name].stop.set()
        return {}

    def fail_interrupted(self) -> None:
        """Fail the jobs that a former server left running."""
        for place, name, job in self._shared.store.everywhere(KIND):
            if job["ProcessingJobStatus"] in {"InProgress", "Stopping"}:
                self._shared.store.change(
                    place,
                    KIND,
                    name,
                    ProcessingJobStatus="Failed",
                    ProcessingEndTime=now(),
                    FailureReason="InternalServerError: We encountered an internal error. Please try again.",
                )

    def _find(self, call: Call) -> Document:
        name = call.params["ProcessingJobName"]
        job = self._shared.store.find(call.place, KIND, name)
        if job is None:
            raise invalid(f"Could not find requested job with name: {name}")
        return job


def _fresh(params: Document, arn: str) -> Document:
    return {
        **params,
        "StoppingCondition": {"MaxRuntimeInSeconds": _DAY_SECONDS, **params.get("StoppingCondition", {})},
        "ProcessingJobArn": arn,
        "ProcessingJobStatus": "InProgress",
        "CreationTime": now(),
        "LastModifiedTime": now(),
    }


def _refuse_what_is_not_run(params: Document) -> None:
    if "ContainerEntrypoint" not in params["AppSpecification"]:
        raise unsupported("processing without AppSpecification.ContainerEntrypoint")
    cluster = params["ProcessingResources"].get("ClusterConfig")
    if cluster is None:
        raise unsupported("processing without a cluster")
    for item in params.get("ProcessingInputs", []):
        source = item.get("S3Input", {})
        if source.get("S3DataType") not in INPUT_TYPES or source.get("S3InputMode", "File") != "File":
            raise unsupported(f"processing input {item['InputName']}: only S3Input in mode File")
        _check_path(source.get("LocalPath"))
    for item in params.get("ProcessingOutputConfig", {}).get("Outputs", []):
        if "S3Output" not in item:
            raise unsupported(f"processing output {item['OutputName']}: only S3Output")
        _check_path(item["S3Output"].get("LocalPath"))


def _check_path(path: str | None) -> None:
    if path is None or not path.startswith(f"{ROOT}/"):
        raise invalid(f"LocalPath {path} must lie below {ROOT}.")
