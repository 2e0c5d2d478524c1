"""One training job from Starting to its end, by SageMaker's container contract."""

import logging
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.local import docker_run, transfer
from pipeline.local.authorization import work
from pipeline.local.authorization.access import Access
from pipeline.local.clock import now
from pipeline.local.foundation import Foundation
from pipeline.local.images import Image
from pipeline.local.jobs import Ended, Run, Runner, ShutDown, failure, ml_tree, placed, write_json
from pipeline.local.place import Document, Place
from pipeline.local.refusal import Refusal
from pipeline.local.roles import Roles

_LOG = logging.getLogger(__name__)
_KIND = "training-job"
_STARTING_SECONDS = 30
LOG_GROUP = "/aws/sagemaker/TrainingJobs"


class _Failed(Exception):
    """The job cannot go on; the text is its FailureReason."""


class TrainingRun:
    """The life of one job, in a thread of its own."""

    def __init__(self, foundation: Foundation, roles: Roles, runner: Runner, *, place: Place, name: str) -> None:
        self._foundation = foundation
        self._roles = roles
        self._runner = runner
        self._place = place
        self._name = name
        self._lines: list[str] = []

    @property
    def _job(self) -> Document:
        return self._foundation.store.find(self._place, _KIND, self._name) or {}

    def run(self) -> None:
        """Run the job and record how it ended."""
        self._move("Starting", "Preparing the instances for training")
        try:
            self._foundation.clock.wait(_STARTING_SECONDS, self._runner.stop)
            with ml_tree(self._foundation.folder.scratch, "input/config", "input/data", "model", "output/data") as ml:
                self._train(ml)
        except _Failed as problem:
            self._end("Failed", "Failed", FailureReason=failure(str(problem)))
        except ShutDown:
            return
        except (ClientError, BotoCoreError, OSError, Refusal) as problem:
            self._end("Failed", "Failed", FailureReason=failure(f"ClientError: {problem}"))
        except Exception:  # noqa: BLE001 - a job must end, whatever broke it
            _LOG.exception("training job %s", self._name)
            self._end("Failed", "Failed", FailureReason="InternalServerError: We encountered an internal error.")

    def _train(self, ml: Path) -> None:
        self._move("Downloading", "Downloading input data")
        self._prepare(ml)
        self._move("Training", "Training image download completed. Training in progress.", TrainingStartTime=now())
        if self._foundation.faults.strikes("training-failed"):
            raise _Failed("InternalServerError: injected by `local fault training-failed`")
        ended = Ended(exit_code=None) if self._runner.stop.is_set() else self._runner.run(self._described_run(ml))
        self._foundation.logs.flush()
        self._finish(ml, ended)

    def _finish(self, ml: Path, ended: Ended) -> None:
        metrics = self._metrics() or None
        if ended.exit_code not in {None, 0}:
            self._upload(ml / "output" / "data", "output.tar.gz")
            raise _Failed(f"AlgorithmError: {_reason(ml, self._lines)}, exit code: {ended.exit_code}")
        self._move("Uploading", "Uploading generated training model")
        self._upload(ml / "output" / "data", "output.tar.gz")
        artifacts = {"S3ModelArtifacts": self._upload(ml / "model", "model.tar.gz")}
        status = "Stopped" if ended.exit_code is None else "Completed"
        secondary = "MaxRuntimeExceeded" if ended.timed_out else status
        self._end(status, secondary, ModelArtifacts=artifacts, FinalMetricDataList=metrics)

    def _prepare(self, ml: Path) -> None:
        job, config = self._job, ml / "input" / "config"
        write_json(config / "hyperparameters.json", job.get("HyperParameters", {}))
        write_json(config / "resourceconfig.json", {"current_host": "algo-1", "hosts": ["algo-1"]})
        channels = job.get("InputDataConfig", [])
        image = job["AlgorithmSpecification"]["TrainingImage"]
        self._act([*work.pulling(image), *work.telling(self._place, LOG_GROUP)])
        shown = {c["ChannelName"]: {"TrainingInputMode": "File", **_content(c)} for c in channels}
        write_json(config / "inputdataconfig.json", shown)
        for channel in channels:
            uri = channel["DataSource"]["S3DataSource"]["S3Uri"]
            folder = ml / "input" / "data" / channel["ChannelName"]
            self._act(work.reading(self._foundation.clients.s3(self._place), uri))
            if not transfer.download_prefix(self._foundation.clients.s3(self._place), uri, folder):
                raise _Failed(f'ClientError: Data download failed: No S3 objects found under S3 URL "{uri}"')

    def _act(self, accesses: Iterable[Access]) -> None:
        self._roles.act(self._place, self._job["RoleArn"], accesses)

    def _described_run(self, ml: Path) -> Run:
        job = self._job
        image = self._foundation.images.find(job["AlgorithmSpecification"]["TrainingImage"])
        ship = self._foundation.logs.sink(self._place, LOG_GROUP, f"{self._name}/algo-1-{int(now())}")

        def sink(line: str) -> None:
            self._lines.append(line)
            ship(line)

        environment = {
            **self._roles.environment(self._place, job["RoleArn"], "SageMaker"),
            **image.environment,
            **job.get("Environment", {}),
            "TRAINING_JOB_NAME": self._name,
            "TRAINING_JOB_ARN": job["TrainingJobArn"],
        }
        name = docker_run.new_name() if image.docker else None
        return Run(
            command=_command(job["AlgorithmSpecification"], image, ml, environment=environment, name=name),
            environment=environment,
            ml=ml,
            max_seconds=job["StoppingCondition"]["MaxRuntimeInSeconds"],
            sink=sink,
            docker=name,
        )

    def _metrics(self) -> list[Document]:
        """Return the last value of each metric definition, scraped from the output."""
        output = "\n".join(self._lines)
        definitions = self._job["AlgorithmSpecification"].get("MetricDefinitions", [])
        found = {d["Name"]: re.findall(d["Regex"], output) for d in definitions}
        return [
            {"MetricName": name, "Value": float(values[-1]), "Timestamp": now()}
            for name, values in found.items()
            if values
        ]

    def _upload(self, folder: Path, name: str) -> str:
        uri = f"{self._job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self._name}/output/{name}"
        if any(folder.iterdir()):
            self._act([work.writing(uri)])
            transfer.upload_packed(self._foundation.clients.s3(self._place), folder, uri)
        return uri

    def _move(self, secondary: str, message: str, **fields: object) -> None:
        moment, steps = now(), list(self._job.get("SecondaryStatusTransitions", []))
        if steps:
            steps[-1] = {**steps[-1], "EndTime": moment}
        steps.append({"Status": secondary, "StartTime": moment, "StatusMessage": message})
        self._change(SecondaryStatus=secondary, SecondaryStatusTransitions=steps, **fields)

    def _end(self, status: str, secondary: str, **fields: object) -> None:
        started, moment = self._job.get("TrainingStartTime"), now()
        seconds = max(1, round(moment - started)) if started else None
        self._move(secondary, f"Training job {status.lower()}")
        self._change(
            TrainingJobStatus=status,
            TrainingEndTime=moment,
            TrainingTimeInSeconds=seconds,
            BillableTimeInSeconds=seconds,
            **fields,
        )

    def _change(self, **fields: object) -> None:
        job = self._foundation.store.change(self._place, _KIND, self._name, LastModifiedTime=now(), **fields)
        detail = {k: v for k, v in job.items() if k != "SecondaryStatusTransitions"}
        self._foundation.events.state_change(self._place, "Training Job", job["TrainingJobArn"], detail)


def _command(
    algorithm: Document, image: Image, ml: Path, *, environment: Mapping[str, str], name: str | None
) -> list[str]:
    arguments, entrypoint = algorithm.get("ContainerArguments", []), algorithm.get("ContainerEntrypoint", [])
    if image.docker and name:
        return docker_run.training(
            image.docker, name=name, ml=ml, environment=environment, entrypoint=entrypoint, words=arguments
        )
    if entrypoint:
        return placed([*entrypoint, *arguments], image, ml)
    return [*image.command("train.py", "train"), *arguments]


def _content(channel: Document) -> Document:
    content = {"ContentType": channel.get("ContentType"), "S3DistributionType": "FullyReplicated"}
    return {key: value for key, value in content.items() if value}


def _reason(ml: Path, lines: list[str]) -> str:
    written = ml / "output" / "failure"
    return written.read_text(errors="replace") if written.is_file() else "\n".join(lines[-10:])
