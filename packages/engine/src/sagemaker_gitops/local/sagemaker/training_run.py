"""One training job from Starting to its end, by SageMaker's container contract."""

import logging
import time
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.iam import execution_roles
from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.sagemaker import transfer
from sagemaker_gitops.local.sagemaker.jobs import Runner, ShutDown, failure
from sagemaker_gitops.local.sagemaker.training_hosts import Attempt, DataMissing, Hosts
from sagemaker_gitops.local.server.clients import api
from sagemaker_gitops.local.server.context import Document, Place, Refusal, now
from sagemaker_gitops.local.server.service import SharedState

_LOG = logging.getLogger(__name__)
_KIND = "training-job"
_STARTING_SECONDS = 30
# Until other capacity is found.
_INTERRUPTED_SECONDS = 30


class _Failed(Exception):
    """The job cannot go on; the text is its FailureReason."""


class TrainingRun:
    """The life of one job, in a thread of its own."""

    def __init__(self, shared: SharedState, roles: Roles, runner: Runner, *, place: Place, name: str) -> None:
        self._shared = shared
        self._roles = roles
        self._runner = runner
        self._place = place
        self._name = name
        self._began = time.monotonic()
        self._trained = 0.0

    @property
    def _job(self) -> Document:
        return self._shared.store.find(self._place, _KIND, self._name) or {}

    def run(self) -> None:
        """Run the job and record how it ended."""
        self._move("Starting", "Preparing the instances for training")
        try:
            self._shared.clock.wait(_STARTING_SECONDS, self._runner.stop)
            while self._attempt():
                self._move("Interrupted", "Training job interrupted: the spot capacity was taken back")
                self._shared.clock.wait(_INTERRUPTED_SECONDS, self._runner.stop)
        except (_Failed, DataMissing) as problem:
            self._end("Failed", "Failed", FailureReason=failure(str(problem)))
        except ShutDown:
            return
        except (ClientError, BotoCoreError, OSError, Refusal) as problem:
            self._end("Failed", "Failed", FailureReason=failure(f"ClientError: {problem}"))
        except Exception:  # noqa: BLE001 - a job must end, whatever broke it
            _LOG.exception("training job %s", self._name)
            self._end("Failed", "Failed", FailureReason="InternalServerError: We encountered an internal error.")

    def _attempt(self) -> bool:
        """Train until the end, or until the capacity is taken back: then return True."""
        with Hosts(self._shared, self._roles, self._runner, place=self._place, job=self._job) as hosts:
            self._move("Downloading", "Downloading input data")
            hosts.prepare()
            started = self._job.get("TrainingStartTime", now())
            self._move(
                "Training", "Training image download completed. Training in progress.", TrainingStartTime=started
            )
            if self._shared.faults.hits("training-failed"):
                raise _Failed("InternalServerError: injected by `local fault training-failed`")
            began = time.monotonic()
            attempt = hosts.run()
            self._trained += time.monotonic() - began
            self._shared.logs.flush()
            if attempt.interrupted and not self._runner.stop.is_set() and not self._waited_too_long():
                return True
            self._finish(hosts, attempt)
        return False

    def _waited_too_long(self) -> bool:
        limit = self._job["StoppingCondition"].get("MaxWaitTimeInSeconds")
        return limit is not None and time.monotonic() - self._began > limit

    def _finish(self, hosts: Hosts, attempt: Attempt) -> None:
        metrics, ended = hosts.metrics() or None, attempt.ended
        if ended.exit_code not in {None, 0}:
            self._upload(hosts.gathered("output/data"), "output.tar.gz")
            raise _Failed(f"AlgorithmError: {_reason(attempt.ml, hosts.lines)}, exit code: {ended.exit_code}")
        self._move("Uploading", "Uploading generated training model")
        self._upload(hosts.gathered("output/data"), "output.tar.gz")
        artifacts = {"S3ModelArtifacts": self._upload(hosts.gathered("model"), "model.tar.gz")}
        status = "Stopped" if ended.exit_code is None else "Completed"
        self._end(status, self._secondary(attempt, status), ModelArtifacts=artifacts, FinalMetricDataList=metrics)

    def _secondary(self, attempt: Attempt, status: str) -> str:
        if attempt.ended.timed_out:
            return "MaxRuntimeExceeded"
        return "MaxWaitTimeExceeded" if attempt.interrupted and not self._runner.stop.is_set() else status

    def _upload(self, folder: Path, name: str) -> str:
        uri = f"{self._job['OutputDataConfig']['S3OutputPath'].rstrip('/')}/{self._name}/output/{name}"
        if any(folder.iterdir()):
            key = self._job["OutputDataConfig"].get("KmsKeyId")
            encrypting = execution_roles.encrypt(api(self._shared.clients, self._place), key) if key else ()
            self._roles.act(self._place, self._job["RoleArn"], [execution_roles.write_object(uri), *encrypting])
            transfer.upload_packed(self._shared.clients.s3(self._place), folder, uri, key)
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
        # What was trained is billed, on spot too; the wait for capacity is not.
        billable = max(1, round(self._trained)) if started else None
        self._move(secondary, f"Training job {status.lower()}")
        self._change(
            TrainingJobStatus=status,
            TrainingEndTime=moment,
            TrainingTimeInSeconds=seconds,
            BillableTimeInSeconds=billable,
            **fields,
        )

    def _change(self, **fields: object) -> None:
        job = self._shared.store.change(self._place, _KIND, self._name, LastModifiedTime=now(), **fields)
        detail = {k: v for k, v in job.items() if k != "SecondaryStatusTransitions"}
        self._shared.events.state_change(self._place, "Training Job", job["TrainingJobArn"], detail)


def _reason(ml: Path, lines: list[str]) -> str:
    written = ml / "output" / "failure"
    return written.read_text(errors="replace") if written.is_file() else "\n".join(lines[-10:])
