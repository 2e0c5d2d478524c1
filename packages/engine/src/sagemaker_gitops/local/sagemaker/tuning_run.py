"""One tuning job: values drawn from ranges, training jobs, and the best of them by its own printed metric."""

import itertools
import logging
import math
import random
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from sagemaker_gitops.local.sagemaker.jobs import failure
from sagemaker_gitops.local.sagemaker.training import Training
from sagemaker_gitops.local.server.context import Document, Place, invalid, now, unsupported
from sagemaker_gitops.local.server.service import SharedState

Values = dict[str, str]


def draw_values(config: Document) -> Iterator[Values]:
    """Yield the hyperparameters of one training job after the other."""
    strategy, ranges = config["Strategy"], config.get("ParameterRanges", {})
    if strategy == "Random":
        # Without a seed of the caller's own AWS draws another one each time.
        generator = random.Random(config.get("RandomSeed"))  # noqa: S311 - a search, not a secret
        while True:
            yield _random(ranges, generator)
    yield from _grid(ranges)


def check_ranges(config: Document) -> None:
    """Refuse what AWS refuses, and loudly what is not searched here."""
    if config["Strategy"] not in {"Random", "Grid"}:
        raise unsupported(f"the search strategy {config['Strategy']}; it really searches Random and Grid")
    for beyond in ("StrategyConfig", "TuningJobCompletionCriteria"):
        if beyond in config:
            raise unsupported(f"HyperParameterTuningJobConfig.{beyond}")
    ranges = config.get("ParameterRanges", {})
    if ranges.get("AutoParameters") or not any(ranges.values()):
        raise unsupported("a search without ParameterRanges")
    for item in (*ranges.get("IntegerParameterRanges", []), *ranges.get("ContinuousParameterRanges", [])):
        _check_range(item)
    numeric = [*ranges.get("IntegerParameterRanges", []), *ranges.get("ContinuousParameterRanges", [])]
    if config["Strategy"] == "Grid" and numeric:
        raise invalid("Grid search only supports categorical hyperparameters.")


def search_size(config: Document) -> int:
    """Count the training jobs that a search is allowed, or a grid has."""
    most = config["ResourceLimits"].get("MaxNumberOfTrainingJobs")
    if config["Strategy"] == "Grid":
        return sum(1 for _ in _grid(config["ParameterRanges"]))
    if most is None:
        raise invalid("MaxNumberOfTrainingJobs must be specified for this strategy.")
    return int(most)


def _check_range(item: Document) -> None:
    low, high = float(item["MinValue"]), float(item["MaxValue"])
    if low > high:
        raise invalid(f"The min value of {item['Name']} must not be greater than its max value.")
    scale = item.get("ScalingType", "Auto")
    if scale == "Logarithmic" and low <= 0:
        raise invalid(f"Logarithmic scaling of {item['Name']} needs a range above 0.")
    if scale == "ReverseLogarithmic" and not 0 <= low <= high < 1:
        raise invalid(f"ReverseLogarithmic scaling of {item['Name']} needs a range within 0 and 1.")


def _random(ranges: Document, generator: random.Random) -> Values:
    values = {item["Name"]: str(round(_between(item, generator))) for item in ranges.get("IntegerParameterRanges", [])}
    values |= {item["Name"]: repr(_between(item, generator)) for item in ranges.get("ContinuousParameterRanges", [])}
    return values | {
        item["Name"]: generator.choice(item["Values"]) for item in ranges.get("CategoricalParameterRanges", [])
    }


def _between(item: Document, generator: random.Random) -> float:
    low, high = float(item["MinValue"]), float(item["MaxValue"])
    scale = item.get("ScalingType", "Auto")
    if scale == "Logarithmic":
        found = math.exp(generator.uniform(math.log(low), math.log(high)))
    elif scale == "ReverseLogarithmic":
        found = 1 - math.exp(generator.uniform(math.log(1 - high), math.log(1 - low)))
    else:
        found = generator.uniform(low, high)
    return min(max(found, low), high)


def _grid(ranges: Document) -> Iterator[Values]:
    items = ranges.get("CategoricalParameterRanges", [])
    for values in itertools.product(*(item["Values"] for item in items)):
        yield dict(zip((item["Name"] for item in items), values, strict=True))


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

    shared: SharedState
    training: Training
    place: Place
    name: str
    stop: threading.Event

    @property
    def _job(self) -> Document:
        return self.shared.store.find(self.place, KIND, self.name) or {}

    def run(self) -> None:
        """Train with one set of values after the other, and record the best."""
        config = self._job["HyperParameterTuningJobConfig"]
        try:
            values = islice(draw_values(config), search_size(config))
            with ThreadPoolExecutor(config["ResourceLimits"]["MaxParallelTrainingJobs"]) as pool:
                list(pool.map(self._one, enumerate(values, start=1)))
            if not self.shared.closing.is_set():
                self._end()
        except Exception:  # noqa: BLE001 - a job must end, whatever broke it
            _LOG.exception("tuning job %s", self.name)
            self._close("Failed", FailureReason="InternalServerError: We encountered an internal error.")

    def trials(self) -> list[Document]:
        """Summarise the training jobs so far, in the order of their creation."""
        arn = self._job["HyperParameterTuningJobArn"]
        jobs = self.shared.store.all(self.place, _TRAINING)
        return [self._summary(job) for job in jobs if job.get("TuningJobArn") == arn]

    def _one(self, numbered: tuple[int, Values]) -> None:
        number, values = numbered
        if self.stop.is_set() or self.shared.closing.is_set():
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
            if self.shared.closing.wait(_POLL_SECONDS):
                return
            if self.stop.is_set() and status == "InProgress" and not stopped:
                stopped = True
                self.training.end(self.place, name)
        self._count()

    def _training(self, name: str) -> Document:
        return self.shared.store.find(self.place, _TRAINING, name) or {}

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
        with self.shared.store.lock:
            trials = self.trials()
            best = self._best(trials)
            self.shared.store.change(
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
            reason = next((given for given in reasons if given), "no training job printed the objective metric")
            self._close("Failed", FailureReason=failure(f"No training job succeeded: {reason}"))

    def _close(self, status: str, **fields: object) -> None:
        moment = now()
        self.shared.store.change(
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
