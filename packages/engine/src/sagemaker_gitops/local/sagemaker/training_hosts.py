"""The instances of one training job: each a private /opt/ml and a container, all at once."""

import re
import threading
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, nullcontext
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from sagemaker_gitops.local.iam import execution_roles
from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.iam.policy import Access
from sagemaker_gitops.local.sagemaker import images, transfer
from sagemaker_gitops.local.sagemaker.images import Image
from sagemaker_gitops.local.sagemaker.jobs import Ended, Run, Runner, local_paths, ml_tree, write_json
from sagemaker_gitops.local.server.context import Document, Place, now
from sagemaker_gitops.local.server.service import SharedState

LOG_GROUP = "/aws/sagemaker/TrainingJobs"
_FOLDERS = ("input/config", "input/data", "model", "output/data")


class DataMissing(Exception):
    """A channel has no objects; the text is the job's FailureReason."""


@dataclass(frozen=True, kw_only=True)
class Attempt:
    """How one run on all instances ended: the worst of its ends, and whether capacity was taken away."""

    ended: Ended
    ml: Path
    interrupted: bool


class Hosts:
    """Instances from their start to their end; leaves no trace of them."""

    def __init__(self, shared: SharedState, roles: Roles, runner: Runner, *, place: Place, job: Document) -> None:
        self._shared = shared
        self._roles = roles
        self._runner = runner
        self._place = place
        self._job = job
        self._names = [f"algo-{n}" for n in range(1, job["ResourceConfig"].get("InstanceCount", 1) + 1)]
        self._checkpoints = transfer.checkpoints_of(job)
        self._trees = ExitStack()
        self._halt = threading.Event()
        self._interrupted = False
        self.mls: list[Path] = []
        self.lines: list[str] = []

    def __enter__(self) -> "Hosts":
        """Make the trees."""
        make = partial(ml_tree, self._shared.folder.scratch, *_FOLDERS)
        self.mls = [self._trees.enter_context(make()) for _ in self._names]
        return self

    def __exit__(self, *_: object) -> None:
        """Clear them away."""
        self._trees.close()

    def prepare(self) -> None:
        """Lay out what each instance finds when it starts."""
        image = self._job["AlgorithmSpecification"]["TrainingImage"]
        self._act([*execution_roles.pull_image(image), *execution_roles.write_logs(self._place, LOG_GROUP)])
        channels = self._job.get("InputDataConfig", [])
        shown = {c["ChannelName"]: {"TrainingInputMode": "File", **_content(c)} for c in channels}
        for ml, name in zip(self.mls, self._names, strict=True):
            config = ml / "input" / "config"
            write_json(config / "hyperparameters.json", self._job.get("HyperParameters", {}))
            write_json(config / "resourceconfig.json", {"current_host": name, "hosts": self._names})
            write_json(config / "inputdataconfig.json", shown)
        for channel in channels:
            self._fill(channel)
        self._restore()

    def run(self) -> Attempt:
        """Run every container to its end; one that fails, and an interruption, end the others."""
        s3 = self._shared.clients.s3(self._place)
        syncing = self._checkpoints.kept(s3, self.mls, self._saved) if self._checkpoints else nullcontext()
        with syncing, ThreadPoolExecutor(len(self.mls)) as pool:
            ends = list(pool.map(self._run_one, self.mls, self._names))
        worst = next((n for n, end in enumerate(ends) if end.exit_code), None)
        if worst is None:
            worst = next((n for n, end in enumerate(ends) if end.exit_code is None), 0)
        # What came to its end before it noticed was not interrupted.
        interrupted = self._interrupted and ends[worst].exit_code is None
        return Attempt(ended=ends[worst], ml=self.mls[worst], interrupted=interrupted)

    def gathered(self, folder: str) -> Path:
        """Return a folder with what all instances wrote to it; the first one's files win."""
        first, *others = (ml / folder for ml in self.mls)
        for other in others:
            for path in (p for p in other.rglob("*") if p.is_file()):
                target = first / path.relative_to(other)
                if not target.exists():
                    target.parent.mkdir(parents=True, exist_ok=True)
                    path.replace(target)
        return first

    def metrics(self) -> list[Document]:
        """Return the last value of each metric definition, scraped from the output."""
        output = "\n".join(self.lines)
        definitions = self._job["AlgorithmSpecification"].get("MetricDefinitions", [])
        found = {d["Name"]: re.findall(d["Regex"], output) for d in definitions}
        return [
            {"MetricName": name, "Value": float(values[-1]), "Timestamp": now()}
            for name, values in found.items()
            if values
        ]

    def _fill(self, channel: Document) -> None:
        s3, source = self._shared.clients.s3(self._place), channel["DataSource"]["S3DataSource"]
        self._act(execution_roles.read_prefix(s3, source["S3Uri"]))
        objects = list(transfer.below(s3, source["S3Uri"]))
        if not objects:
            raise DataMissing(
                f'ClientError: Data download failed: No S3 objects found under S3 URL "{source["S3Uri"]}"'
            )
        sharded = source.get("S3DataDistributionType") == "ShardedByS3Key"
        for number, ml in enumerate(self.mls):
            folder = ml / "input" / "data" / channel["ChannelName"]
            folder.mkdir(parents=True, exist_ok=True)
            for uri, relative in objects[number :: len(self.mls)] if sharded else objects:
                transfer.download(s3, uri, folder / relative)

    def _restore(self) -> None:
        if self._checkpoints is None:
            return
        s3 = self._shared.clients.s3(self._place)
        self._act(
            [
                execution_roles.write_object(f"{self._checkpoints.uri}/checkpoint"),
                *execution_roles.read_prefix(s3, f"{self._checkpoints.uri}/"),
            ]
        )
        for ml in self.mls:
            self._checkpoints.restore(s3, ml)

    def _saved(self) -> None:
        # Capacity is taken away where it hurts: after something was saved, and before the end.
        spot = self._job.get("EnableManagedSpotTraining", False)
        if spot and not self._halt.is_set() and self._shared.faults.hits("spot-interruption"):
            self._interrupted = True
            self._halt.set()

    def _run_one(self, ml: Path, host: str) -> Ended:
        if self._runner.stop.is_set():
            return Ended(exit_code=None)
        ended = self._runner.run(self._described_run(ml, host))
        if ended.exit_code:
            self._halt.set()
        return ended

    def _described_run(self, ml: Path, host: str) -> Run:
        job = self._job
        image = self._shared.images.find(job["AlgorithmSpecification"]["TrainingImage"])
        ship = self._shared.logs.sink(self._place, LOG_GROUP, f"{job['TrainingJobName']}/{host}-{int(now())}")

        def sink(line: str) -> None:
            self.lines.append(line)
            ship(line)

        environment = {
            **self._roles.environment(self._place, job["RoleArn"], "SageMaker"),
            **image.environment,
            **job.get("Environment", {}),
            "TRAINING_JOB_NAME": job["TrainingJobName"],
            "TRAINING_JOB_ARN": job["TrainingJobArn"],
        }
        name = images.new_container_name() if image.docker else None
        return Run(
            command=_command(job["AlgorithmSpecification"], image, ml, environment=environment, name=name),
            environment=environment,
            ml=ml,
            max_seconds=job["StoppingCondition"]["MaxRuntimeInSeconds"],
            sink=sink,
            docker=name,
            halt=self._halt,
        )

    def _act(self, accesses: Iterable[Access]) -> None:
        self._roles.act(self._place, self._job["RoleArn"], accesses)


def _command(
    algorithm: Document, image: Image, ml: Path, *, environment: Mapping[str, str], name: str | None
) -> Sequence[str]:
    arguments, entrypoint = algorithm.get("ContainerArguments", []), algorithm.get("ContainerEntrypoint", [])
    if image.docker and name:
        return images.docker_train(
            image.docker, name=name, ml=ml, environment=environment, entrypoint=entrypoint, words=arguments
        )
    if entrypoint:
        return local_paths([*entrypoint, *arguments], image, ml)
    return [*image.command("train.py", "train"), *arguments]


def _content(channel: Document) -> Document:
    distribution = channel["DataSource"]["S3DataSource"].get("S3DataDistributionType", "FullyReplicated")
    content = {"ContentType": channel.get("ContentType"), "S3DistributionType": distribution}
    return {key: value for key, value in content.items() if value}
