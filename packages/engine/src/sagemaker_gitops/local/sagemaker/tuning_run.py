"""One tuning job: training jobs, so many at once, and the best of them by its own printed metric."""

import logging
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from sagemaker_gitops.local.sagemaker import tuning_ranges
from sagemaker_gitops.local.sagemaker.jobs import failure
from sagemaker_gitops.local.sagemaker.training import Training
from sagemaker_gitops.local.server.clock import now
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.foundation import Foundation

KIND = "hyper-parameter-tuning-job"
_LOG = logging.getLogger(__name__)
_TRAINING = "training-job"
_POLL_SECONDS = 0.05
_OBJECTIVE = "_tuning_objective_metric"
# A training job has the definition's own words; the tuner's stay with the tuner.
_TUNERS = frozenset(
    {"DefinitionName", "TuningObjective", "HyperParameterRanges", "StaticHyperParameters", "RetryStrategy"}
)

_SUMMARISED = (
    "TrainingJobName",
    "TrainingJobArn",
    "CreationTime",
    "TrainingStartTime",
    "TrainingEndTime",
    "TrainingJobStatus",
    "FailureReason",
)


@dataclass(frozen=True, kw_only=True)
class TuningRun:
    """The life of one tuning job, in a thread of its own."""

    foundation: Foundation
    training: Training
    place: Place
    name: str
    stop: threading.Event

    @property
    def _job(self) -> Document:
        return self.foundation.store.find(self.place, KIND, self.name) or {}

    def run(self) -> None:
        """Train with one set of values after the other, and record the best."""
        config = self._job["HyperParameterTuningJobConfig"]
        try:
            wanted = islice(tuning_ranges.drawn(config), tuning_ranges.size(config))
            with ThreadPoolExecutor(config["ResourceLimits"]["MaxParallelTrainingJobs"]) as pool:
                list(pool.map(self._one, enumerate(wanted, start=1)))
            if not self.foundation.closing.is_set():
                self._end()
        except Exception:  # noqa: BLE001 - a job must end, whatever broke it
            _LOG.exception("tuning job %s", self.name)
            self._close("Failed", FailureReason="InternalServerError: We encountered an internal error.")

    def trials(self) -> list[Document]:
        """Summarise the training jobs so far, in the order of their creation."""
        arn = self._job["HyperParameterTuningJobArn"]
        jobs = self.foundation.store.all(self.place, _TRAINING)
        return [self._summary(job) for job in jobs if job.get("TuningJobArn") == arn]

    def _one(self, numbered: tuple[int, tuning_ranges.Values]) -> None:
        number, values = numbered
        if self.stop.is_set() or self.foundation.closing.is_set():
            return
        name = f"{self.name}-{number:03d}-{uuid.uuid4().hex[:8]}"
        definition = self._job["TrainingJobDefinition"]
        objective = self._job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["MetricName"]
        given = {**definition.get("StaticHyperParameters", {}), **values, _OBJECTIVE: objective}
        request = {key: value for key, value in definition.items() if key not in _TUNERS}
        self.training.begin(
            self.place,
            {**request, "TrainingJobName": name, "HyperParameters": given},
            TuningJobArn=self._job["HyperParameterTuningJobArn"],
        )
        stopped = False
        while (status := self._training(name)["TrainingJobStatus"]) in {"InProgress", "Stopping"}:
            if self.foundation.closing.wait(_POLL_SECONDS):
                return
            if self.stop.is_set() and status == "InProgress" and not stopped:
                stopped = True
                self.training.end(self.place, name)
        self._count()

    def _training(self, name: str) -> Document:
        return self.foundation.store.find(self.place, _TRAINING, name) or {}

    def _summary(self, job: Document) -> Document:
        tuned = {n: job["HyperParameters"][n] for n in self._names() if n in job["HyperParameters"]}
        summary: Document = {key: job[key] for key in _SUMMARISED if key in job}
        return {**summary, "TunedHyperParameters": tuned, **self._objective(job)}

    def _objective(self, job: Document) -> Document:
        objective = self._job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]
        if job["TrainingJobStatus"] in {"InProgress", "Stopping"}:
            return {"ObjectiveStatus": "Pending"}
        for metric in job.get("FinalMetricDataList", []):
            if metric["MetricName"] == objective["MetricName"]:
                value = {"Type": objective["Type"], "MetricName": metric["MetricName"], "Value": metric["Value"]}
                return {"FinalHyperParameterTuningJobObjectiveMetric": value, "ObjectiveStatus": "Succeeded"}
        return {"ObjectiveStatus": "Failed"}

    def _names(self) -> list[str]:
        ranges = self._job["HyperParameterTuningJobConfig"]["ParameterRanges"]
        return [item["Name"] for items in ranges.values() for item in items]

    def _count(self) -> None:
        with self.foundation.store.lock:
            trials = self.trials()
            best = self._best(trials)
            self.foundation.store.change(
                self.place,
                KIND,
                self.name,
                LastModifiedTime=now(),
                TrainingJobStatusCounters=_statuses(trials),
                ObjectiveStatusCounters={
                    kind: sum(trial["ObjectiveStatus"] == kind for trial in trials)
                    for kind in ("Succeeded", "Pending", "Failed")
                },
                BestTrainingJob=best,
            )

    def _best(self, trials: list[Document]) -> Document | None:
        measured = [trial for trial in trials if trial["ObjectiveStatus"] == "Succeeded"]
        if not measured:
            return None
        largest = self._job["HyperParameterTuningJobConfig"]["HyperParameterTuningJobObjective"]["Type"] == "Maximize"
        choose = max if largest else min
        return choose(measured, key=lambda trial: trial["FinalHyperParameterTuningJobObjectiveMetric"]["Value"])

    def _end(self) -> None:
        self._count()
        if self.stop.is_set():
            self._close("Stopped")
        elif self._job.get("BestTrainingJob"):
            self._close("Completed")
        else:
            reasons = [trial.get("FailureReason", "") for trial in self.trials()]
            told = next((reason for reason in reasons if reason), "no training job printed the objective metric")
            self._close("Failed", FailureReason=failure(f"No training job succeeded: {told}"))

    def _close(self, status: str, **fields: object) -> None:
        moment = now()
        self.foundation.store.change(
            self.place,
            KIND,
            self.name,
            HyperParameterTuningJobStatus=status,
            HyperParameterTuningEndTime=moment,
            LastModifiedTime=moment,
            **fields,
        )


def _statuses(trials: list[Document]) -> Document:
    shown = {"Completed": "Completed", "Failed": "NonRetryableError", "Stopped": "Stopped"}
    counters = dict.fromkeys(("Completed", "InProgress", "RetryableError", "NonRetryableError", "Stopped"), 0)
    for trial in trials:
        counters[shown.get(trial["TrainingJobStatus"], "InProgress")] += 1
    return counters
