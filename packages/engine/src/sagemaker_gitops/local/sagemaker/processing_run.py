"""One processing job: inputs from S3, a command in the image, outputs to S3."""

import json
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.iam import execution_roles
from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.iam.policy import Access
from sagemaker_gitops.local.sagemaker import images, transfer
from sagemaker_gitops.local.sagemaker.images import Image
from sagemaker_gitops.local.sagemaker.jobs import (
    Ended,
    Run,
    Runner,
    ShutDown,
    failure,
    local_paths,
    ml_tree,
    write_json,
)
from sagemaker_gitops.local.server.clients import api
from sagemaker_gitops.local.server.context import Document, Place, Refusal, invalid, now
from sagemaker_gitops.local.server.service import SharedState

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

INPUT_TYPES = frozenset({"S3Prefix", "ManifestFile"})


@dataclass(frozen=True, kw_only=True)
class Input:
    """One input: its objects with their places below its folder, and what reading them needs."""

    folder: str
    sharded: bool
    objects: Sequence[tuple[str, str]]
    accesses: Sequence[Access]

    def download(self, s3: "S3Client", folder: Path, *, instance: int, instances: int) -> None:
        """Give one of several instances what it is due; the folder is there even when that is nothing."""
        folder.mkdir(parents=True, exist_ok=True)
        due = self.objects[instance::instances] if self.sharded else self.objects
        for uri, relative in due:
            transfer.download(s3, uri, folder / relative)


def find_input(s3: "S3Client", source: Document) -> Input:
    """List an input's objects now, so that every instance sees the same."""
    uri = source["S3Uri"]
    if source["S3DataType"] == "ManifestFile":
        objects = list(_listed(s3, uri))
        accesses = [execution_roles.read_object(uri), *(execution_roles.read_object(each) for each, _ in objects)]
    else:
        objects, accesses = list(transfer.below(s3, uri)), list(execution_roles.read_prefix(s3, uri))
    return Input(
        folder=source["LocalPath"],
        sharded=source.get("S3DataDistributionType") == "ShardedByS3Key",
        objects=objects,
        accesses=accesses,
    )


def _listed(s3: "S3Client", uri: str) -> Iterator[tuple[str, str]]:
    """Read a manifest: a prefix, then names below it."""
    bucket, key = transfer.split_uri(uri)
    content = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    if not isinstance(content, list) or not content or not isinstance(content[0], dict) or "prefix" not in content[0]:
        raise invalid(f"The manifest file {uri} must be a list that begins with an object with a prefix.")
    prefix, *names = content
    yield from ((prefix["prefix"] + name, name) for name in names)


_LOG = logging.getLogger(__name__)
_KIND = "processing-job"
_STARTING_SECONDS = 30
ROOT = "/opt/ml/processing"
LOG_GROUP = "/aws/sagemaker/ProcessingJobs"


class ProcessingRun:
    """The life of one job, in a thread of its own."""

    def __init__(self, shared: SharedState, roles: Roles, runner: Runner, *, place: Place, name: str) -> None:
        self._shared = shared
        self._roles = roles
        self._runner = runner
        self._place = place
        self._name = name

    @property
    def _job(self) -> Document:
        return self._shared.store.find(self._place, _KIND, self._name) or {}

    def run(self) -> None:
        """Run the job and record how it ended."""
        self._announce()
        try:
            self._shared.clock.wait(_STARTING_SECONDS, self._runner.stop)
            self._process()
        except ShutDown:
            return
        except (ClientError, BotoCoreError, OSError, Refusal) as problem:
            self._end("Failed", FailureReason=failure(f"ClientError: {problem}"))
        except Exception:  # noqa: BLE001 - a job must end, whatever broke it
            _LOG.exception("processing job %s", self._name)
            self._end("Failed", FailureReason="InternalServerError: We encountered an internal error.")

    def _process(self) -> None:
        job, s3 = self._job, self._shared.clients.s3(self._place)
        self._act(
            [
                *execution_roles.pull_image(job["AppSpecification"]["ImageUri"]),
                *execution_roles.write_logs(self._place, LOG_GROUP),
            ]
        )
        inputs = [find_input(s3, item["S3Input"]) for item in job.get("ProcessingInputs", [])]
        for one in inputs:
            self._act(one.accesses)
        hosts = [f"algo-{n}" for n in range(1, job["ProcessingResources"]["ClusterConfig"]["InstanceCount"] + 1)]
        with ExitStack() as trees, ThreadPoolExecutor(len(hosts)) as pool:
            make = partial(ml_tree, self._shared.folder.scratch, "config", "output", "processing")
            mls = [trees.enter_context(make()) for _ in hosts]
            for number, ml in enumerate(mls):
                self._prepare_inputs(ml, inputs, host=number, hosts=hosts)
            self._shared.store.change(self._place, _KIND, self._name, ProcessingStartTime=now())
            ends = list(pool.map(self._run_one, mls, hosts))
            self._shared.logs.flush()
            # One instance that does not end well is the end of the job.
            worst = next((number for number, ended in enumerate(ends) if ended.exit_code != 0), 0)
            if ends[worst].exit_code == 0:
                self._upload(mls)
            self._finish(mls[worst], ends[worst])

    def _prepare_inputs(self, ml: Path, inputs: Sequence[Input], *, host: int, hosts: Sequence[str]) -> None:
        """Lay out what one instance finds when it starts."""
        write_json(ml / "config" / "processingjobconfig.json", self._job)
        write_json(ml / "config" / "resourceconfig.json", {"current_host": hosts[host], "hosts": list(hosts)})
        s3 = self._shared.clients.s3(self._place)
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
        s3 = self._shared.clients.s3(self._place)
        key = self._job.get("ProcessingOutputConfig", {}).get("KmsKeyId")
        encrypting = list(execution_roles.encrypt(api(self._shared.clients, self._place), key)) if key else []
        for output in self._outputs:
            self._act([execution_roles.write_object(output["S3Uri"]), *encrypting])
            for ml in mls:
                transfer.upload_folder(s3, _inside(ml, output["LocalPath"]), output["S3Uri"], key)

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
        image = self._shared.images.find(application["ImageUri"])
        environment = {
            **self._roles.environment(self._place, job["RoleArn"], "SageMaker"),
            **image.environment,
            **job.get("Environment", {}),
            "PROCESSING_JOB_NAME": self._name,
            "PROCESSING_JOB_ARN": job["ProcessingJobArn"],
        }
        name = images.new_container_name() if image.docker else None
        return Run(
            command=_command(application, image, ml, environment=environment, name=name),
            environment=environment,
            ml=ml,
            docker=name,
            max_seconds=job["StoppingCondition"]["MaxRuntimeInSeconds"],
            sink=self._shared.logs.sink(self._place, LOG_GROUP, f"{self._name}/{host}-{int(now())}"),
        )

    def _end(self, status: str, **fields: object) -> None:
        moment = now()
        self._shared.store.change(
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
        self._shared.events.state_change(self._place, "Processing Job", job["ProcessingJobArn"], job)


def _command(
    application: Document, image: Image, ml: Path, *, environment: Mapping[str, str], name: str | None
) -> list[str]:
    entrypoint, words = application["ContainerEntrypoint"], application.get("ContainerArguments", [])
    if image.docker and name:
        return images.docker_process(
            image.docker, name=name, ml=ml, environment=environment, entrypoint=entrypoint, words=words
        )
    return local_paths([*entrypoint, *words], image, ml)


def _inside(ml: Path, path: str) -> Path:
    """Return where a container's path below /opt/ml lies."""
    return ml / Path(path).relative_to("/opt/ml")
