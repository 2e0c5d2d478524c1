"""Tuning jobs: CreateHyperParameterTuningJob and the other operations."""

import threading
from collections.abc import Callable

from sagemaker_gitops.local.sagemaker import tuning_run
from sagemaker_gitops.local.sagemaker.listing import Listing, Tags, paged
from sagemaker_gitops.local.sagemaker.training import Training
from sagemaker_gitops.local.sagemaker.tuning_run import KIND, TuningRun
from sagemaker_gitops.local.server.context import Call, Document, Place, in_use, invalid, now, unsupported
from sagemaker_gitops.local.server.service import SharedState

_LISTING = Listing(
    result="HyperParameterTuningJobSummaries",
    name="HyperParameterTuningJobName",
    status="HyperParameterTuningJobStatus",
)
_ENDED = frozenset({"Completed", "Failed", "Stopped"})
_INTERNAL = "InternalServerError: We encountered an internal error. Please try again."


class Tuning:
    """The tuning operations."""

    def __init__(self, shared: SharedState, training: Training, tags: Tags) -> None:
        self._shared = shared
        self._training = training
        self._tags = tags
        self._stops: dict[tuple[Place, str], threading.Event] = {}
        self._lock = threading.Lock()

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "CreateHyperParameterTuningJob": self.create,
            "DescribeHyperParameterTuningJob": self._find,
            "ListHyperParameterTuningJobs": self.list,
            "ListTrainingJobsForHyperParameterTuningJob": self.list_training_jobs,
            "StopHyperParameterTuningJob": self.stop,
        }

    def create(self, call: Call) -> Document:
        """CreateHyperParameterTuningJob."""
        place, params = call.place, call.params
        name = params["HyperParameterTuningJobName"]
        arn = place.arn(KIND, name)
        _check(params)
        self._training.check(place, params["TrainingJobDefinition"])
        with self._lock:
            if self._shared.store.find(place, KIND, name):
                raise in_use(f"Tuning job name must be unique, and a job with this name already exists ({arn})")
            self._tags.put(place, arn, params.pop("Tags", []))
            stop = self._stops[place, name] = threading.Event()
            self._shared.store.put(place, KIND, name, _fresh(params, arn))
        run = TuningRun(shared=self._shared, training=self._training, place=place, name=name, stop=stop)
        threading.Thread(target=run.run, daemon=True, name=f"tune-{name}").start()
        return {"HyperParameterTuningJobArn": arn}

    def list(self, call: Call) -> Document:
        """ListHyperParameterTuningJobs."""
        shown = [
            {**job, "Strategy": job["HyperParameterTuningJobConfig"]["Strategy"]}
            for job in self._shared.store.all(call.place, KIND)
        ]
        return _LISTING.page(shown, call.params)

    def list_training_jobs(self, call: Call) -> Document:
        """ListTrainingJobsForHyperParameterTuningJob."""
        self._find(call)
        name, wanted = call.params["HyperParameterTuningJobName"], call.params.get("StatusEquals")
        run = TuningRun(
            shared=self._shared, training=self._training, place=call.place, name=name, stop=threading.Event()
        )
        trials = [trial for trial in run.trials() if wanted in {None, trial["TrainingJobStatus"]}]
        if call.params.get("SortBy") == "FinalObjectiveMetricValue":
            trials = [trial for trial in trials if trial["ObjectiveStatus"] == "Succeeded"]
            trials.sort(key=lambda trial: trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])
        descending = call.params.get("SortOrder", "Ascending") == "Descending"
        return paged("TrainingJobSummaries", trials[::-1] if descending else trials, call.params)

    def stop(self, call: Call) -> Document:
        """StopHyperParameterTuningJob."""
        job = self._find(call)
        if job["HyperParameterTuningJobStatus"] != "InProgress":
            raise invalid(
                f"The request was rejected because the job is in status {job['HyperParameterTuningJobStatus']}."
            )
        name = job["HyperParameterTuningJobName"]
        self._shared.store.change(call.place, KIND, name, HyperParameterTuningJobStatus="Stopping")
        self._stops[call.place, name].set()
        return {}

    def fail_interrupted(self) -> None:
        """Fail the jobs that a former server left running."""
        for place, name, job in self._shared.store.everywhere(KIND):
            if job["HyperParameterTuningJobStatus"] not in _ENDED:
                self._shared.store.change(
                    place,
                    KIND,
                    name,
                    HyperParameterTuningJobStatus="Failed",
                    HyperParameterTuningEndTime=now(),
                    FailureReason=_INTERNAL,
                )

    def _find(self, call: Call) -> Document:
        name = call.params["HyperParameterTuningJobName"]
        job = self._shared.store.find(call.place, KIND, name)
        if job is None:
            raise invalid(f"Amazon SageMaker can't find a tuning job with name {name}.")
        return job


def _fresh(params: Document, arn: str) -> Document:
    moment = now()
    return {
        **params,
        "HyperParameterTuningJobArn": arn,
        "HyperParameterTuningJobStatus": "InProgress",
        "CreationTime": moment,
        "LastModifiedTime": moment,
        "TrainingJobStatusCounters": dict.fromkeys(
            ("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0
        ),
        "ObjectiveStatusCounters": dict.fromkeys(("Succeeded", "Pending", "Failed"), 0),
    }


def _check(params: Document) -> None:
    for beyond in ("TrainingJobDefinitions", "WarmStartConfig", "Autotune"):
        if beyond in params:
            raise unsupported(f"{beyond} of CreateHyperParameterTuningJob")
    if "TrainingJobDefinition" not in params:
        raise invalid("One of TrainingJobDefinition and TrainingJobDefinitions must be provided.")
    config, definition = params["HyperParameterTuningJobConfig"], params["TrainingJobDefinition"]
    if config.get("TrainingJobEarlyStoppingType", "Off") != "Off":
        raise unsupported("early stopping of a tuning job")
    tuning_run.check_ranges(config)
    tuning_run.search_size(config)
    objective = config.get("HyperParameterTuningJobObjective", {}).get("MetricName")
    defined = [item["Name"] for item in definition["AlgorithmSpecification"].get("MetricDefinitions", [])]
    if objective not in defined:
        raise invalid(f"Invalid objective metric {objective}: it is none of the metric definitions {defined}.")
    names = [item["Name"] for items in config["ParameterRanges"].values() for item in items]
    if both := sorted(set(names) & set(definition.get("StaticHyperParameters", {}))):
        raise invalid(f"Hyperparameters {both} are both static and tuned.")
