"""One processing job: inputs from S3, a command in the image, outputs to S3."""

import logging
from collections.abc import Iterable
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from pipeline.local import transfer
from pipeline.local.authorization import work
from pipeline.local.authorization.access import Access
from pipeline.local.clock import now
from pipeline.local.foundation import Foundation
from pipeline.local.jobs import Ended, Run, Runner, ShutDown, failure, ml_tree, placed, write_json
from pipeline.local.place import Document, Place
from pipeline.local.refusal import Refusal
from pipeline.local.roles import Roles

_LOG = logging.getLogger(__name__)
_KIND = "processing-job"
_STARTING_SECONDS = 30
ROOT = "/opt/ml/processing"
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"


class ProcessingRun:
    """The life of one job, in a thread of its own."""

    def __init__(self, foundation: Foundation, roles: Roles, runner: Runner, *, place: Place, name: str) -> None:
        self._foundation = foundation
        self._roles = roles
        self._runner = runner
        self._place = place
        self._name = name

    @property
    def _job(self) -> Document:
        return self._foundation.store.find(self._place, _KIND, self._name) or {}

    def run(self) -> None:
        """Run the job and record how it ended."""
        self._announce()
        try:
            self._foundation.clock.wait(_STARTING_SECONDS, self._runner.stop)
            with ml_tree(self._foundation.folder.scratch, "config", "output", "processing") as ml:
                self._process(ml)
        except ShutDown:
            return
        except (ClientError, BotoCoreError, OSError, Refusal) as problem:
            self._end("Failed", FailureReason=failure(f"ClientError: {problem}"))
        except Exception:  # noqa: BLE001 - a job must end, whatever broke it
            _LOG.exception("processing job %s", self._name)
            self._end("Failed", FailureReason="InternalServerError: We encountered an internal error.")

    def _process(self, ml: Path) -> None:
        job = self._job
        write_json(ml / "config" / "processingjobconfig.json", job)
        write_json(ml / "config" / "resourceconfig.json", {"current_host": "algo-1", "hosts": ["algo-1"]})
        s3 = self._foundation.clients.s3(self._place)
        self._act([*work.pulling(job["AppSpecification"]["ImageUri"]), *work.telling(self._place, LOG_GROUP)])
        for item in job.get("ProcessingInputs", []):
            source = item["S3Input"]
            self._act(work.reading(s3, source["S3Uri"]))
            transfer.download_prefix(s3, source["S3Uri"], _inside(ml, source["LocalPath"]))
        outputs = [item["S3Output"] for item in job.get("ProcessingOutputConfig", {}).get("Outputs", [])]
        for output in outputs:
            _inside(ml, output["LocalPath"]).mkdir(parents=True, exist_ok=True)
        self._foundation.store.change(self._place, _KIND, self._name, ProcessingStartTime=now())
        ended = Ended(exit_code=None) if self._runner.stop.is_set() else self._runner.run(self._described_run(ml))
        self._foundation.logs.flush()
        if ended.exit_code == 0:
            for output in outputs:
                self._act([work.writing(output["S3Uri"])])
                transfer.upload_folder(s3, _inside(ml, output["LocalPath"]), output["S3Uri"])
        self._finish(ml, ended)

    def _finish(self, ml: Path, ended: Ended) -> None:
        written = ml / "output" / "message"
        message = failure(written.read_text(errors="replace")) if written.is_file() else None
        if ended.exit_code is None:
            self._end("Stopped", ExitMessage=message)
        elif ended.exit_code:
            reason = failure(f"AlgorithmError: See job logs for more information, exit code: {ended.exit_code}")
            self._end("Failed", FailureReason=reason, ExitMessage=message)
        else:
            self._end("Completed", ExitMessage=message)

    def _act(self, accesses: Iterable[Access]) -> None:
        self._roles.act(self._place, self._job["RoleArn"], accesses)

    def _described_run(self, ml: Path) -> Run:
        job = self._job
        application = job["AppSpecification"]
        image = self._foundation.images.find(application["ImageUri"])
        words = [*application["ContainerEntrypoint"], *application.get("ContainerArguments", [])]
        return Run(
            command=placed(words, image, ml),
            environment={
                **self._roles.environment(self._place, job["RoleArn"], "SageMaker"),
                **image.environment,
                **job.get("Environment", {}),
                "PROCESSING_JOB_NAME": self._name,
                "PROCESSING_JOB_ARN": job["ProcessingJobArn"],
            },
            ml=ml,
            max_seconds=job["StoppingCondition"]["MaxRuntimeInSeconds"],
            sink=self._foundation.logs.sink(self._place, LOG_GROUP, f"{self._name}/algo-1-{int(now())}"),
        )

    def _end(self, status: str, **fields: object) -> None:
        moment = now()
        self._foundation.store.change(
            self._place,
            _KIND,
            self._name,
            ProcessingJobStatus=status,
            ProcessingEndTime=moment,
            LastModifiedTime=moment,
            **fields,
        )
        self._announce()

    def _announce(self) -> None:
        job = self._job
        self._foundation.events.state_change(self._place, "Processing Job", job["ProcessingJobArn"], job)


def _inside(ml: Path, path: str) -> Path:
    """Return where a container's path below /opt/ml lies."""
    return ml / Path(path).relative_to("/opt/ml")
