"""One processing job: inputs from S3, a command in the image, outputs to S3."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.iam import work
from sagemaker_gitops.local.iam.access import Access
from sagemaker_gitops.local.iam.pass_role import Roles
from sagemaker_gitops.local.sagemaker import docker_run, processing_inputs, transfer
from sagemaker_gitops.local.sagemaker.images import Image
from sagemaker_gitops.local.sagemaker.jobs import Ended, Run, Runner, ShutDown, failure, ml_tree, placed, write_json
from sagemaker_gitops.local.sagemaker.processing_inputs import Input
from sagemaker_gitops.local.server.clock import now
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.foundation import Foundation
from sagemaker_gitops.local.server.refusal import Refusal

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
            self._process()
        except ShutDown:
            return
        except (ClientError, BotoCoreError, OSError, Refusal) as problem:
            self._end("Failed", FailureReason=failure(f"ClientError: {problem}"))
        except Exception:  # noqa: BLE001 - a job must end, whatever broke it
            _LOG.exception("processing job %s", self._name)
            self._end("Failed", FailureReason="InternalServerError: We encountered an internal error.")

    def _process(self) -> None:
        job, s3 = self._job, self._foundation.clients.s3(self._place)
        self._act([*work.pulling(job["AppSpecification"]["ImageUri"]), *work.telling(self._place, LOG_GROUP)])
        inputs = [processing_inputs.find(s3, item["S3Input"]) for item in job.get("ProcessingInputs", [])]
        for one in inputs:
            self._act(one.accesses)
        hosts = [f"algo-{n}" for n in range(1, job["ProcessingResources"]["ClusterConfig"]["InstanceCount"] + 1)]
        with ExitStack() as trees, ThreadPoolExecutor(len(hosts)) as pool:
            make = partial(ml_tree, self._foundation.folder.scratch, "config", "output", "processing")
            mls = [trees.enter_context(make()) for _ in hosts]
            for number, ml in enumerate(mls):
                self._furnish(ml, inputs, host=number, hosts=hosts)
            self._foundation.store.change(self._place, _KIND, self._name, ProcessingStartTime=now())
            ends = list(pool.map(self._run_one, mls, hosts))
            self._foundation.logs.flush()
            # One instance that does not end well is the end of the job.
            worst = next((number for number, ended in enumerate(ends) if ended.exit_code != 0), 0)
            if ends[worst].exit_code == 0:
                self._upload(mls)
            self._finish(mls[worst], ends[worst])

    def _furnish(self, ml: Path, inputs: Sequence[Input], *, host: int, hosts: Sequence[str]) -> None:
        """Lay out what one instance finds when it starts."""
        write_json(ml / "config" / "processingjobconfig.json", self._job)
        write_json(ml / "config" / "resourceconfig.json", {"current_host": hosts[host], "hosts": list(hosts)})
        s3 = self._foundation.clients.s3(self._place)
        for one in inputs:
            one.download(s3, _inside(ml, one.folder), instance=host, instances=len(hosts))
        for output in self._outputs:
            _inside(ml, output["LocalPath"]).mkdir(parents=True, exist_ok=True)

    def _run_one(self, ml: Path, host: str) -> Ended:
        return Ended(exit_code=None) if self._runner.stop.is_set() else self._runner.run(self._described_run(ml, host))

    @property
    def _outputs(self) -> list[Document]:
        return [item["S3Output"] for item in self._job.get("ProcessingOutputConfig", {}).get("Outputs", [])]

    def _upload(self, mls: Sequence[Path]) -> None:
        s3 = self._foundation.clients.s3(self._place)
        for output in self._outputs:
            self._act([work.writing(output["S3Uri"])])
            for ml in mls:
                transfer.upload_folder(s3, _inside(ml, output["LocalPath"]), output["S3Uri"])

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

    def _described_run(self, ml: Path, host: str) -> Run:
        job = self._job
        application = job["AppSpecification"]
        image = self._foundation.images.find(application["ImageUri"])
        environment = {
            **self._roles.environment(self._place, job["RoleArn"], "SageMaker"),
            **image.environment,
            **job.get("Environment", {}),
            "PROCESSING_JOB_NAME": self._name,
            "PROCESSING_JOB_ARN": job["ProcessingJobArn"],
        }
        name = docker_run.new_name() if image.docker else None
        return Run(
            command=_command(application, image, ml, environment=environment, name=name),
            environment=environment,
            ml=ml,
            docker=name,
            max_seconds=job["StoppingCondition"]["MaxRuntimeInSeconds"],
            sink=self._foundation.logs.sink(self._place, LOG_GROUP, f"{self._name}/{host}-{int(now())}"),
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


def _command(
    application: Document, image: Image, ml: Path, *, environment: Mapping[str, str], name: str | None
) -> list[str]:
    entrypoint, words = application["ContainerEntrypoint"], application.get("ContainerArguments", [])
    if image.docker and name:
        return docker_run.processing(
            image.docker, name=name, ml=ml, environment=environment, entrypoint=entrypoint, words=words
        )
    return placed([*entrypoint, *words], image, ml)


def _inside(ml: Path, path: str) -> Path:
    """Return where a container's path below /opt/ml lies."""
    return ml / Path(path).relative_to("/opt/ml")
