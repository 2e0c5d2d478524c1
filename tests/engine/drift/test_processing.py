"""A window in a processing job: the worker as the job runs it, and the request as AWS takes it."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import botocore.session
import pytest
from botocore.validate import ParamValidator
from sagemaker_gitops.aws.monitoring import CaptureFile
from sagemaker_gitops.aws.processing import Processing, ProcessingRequest
from sagemaker_gitops.errors import MonitorBroken
from sagemaker_gitops.monitor.answers import read_truth
from sagemaker_gitops.monitor.job import Watch, read_captures
from sagemaker_gitops.monitor.tally import Tally, load_tally
from sagemaker_gitops.monitor.verdict import Outcome, evaluate
from sagemaker_gitops.project.monitor_config import MonitorConfig
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.ledger import Release
from tests.engine.drift.worlds import END, FINGERPRINT, VARIANT, WINDOW, World, as_arrow, events, read, truth_lines

# The serving image has numpy and msgspec; whatever else the worker imports would fail there.
LAUNCHER = """
import sys
class Absent:
    def find_spec(self, name, path=None, target=None):
        if name.split(".")[0] in {"scipy", "pydantic", "boto3", "botocore", "pyarrow", "pandas", "matplotlib"}:
            raise ModuleNotFoundError(name)
sys.meta_path.insert(0, Absent())
import runpy
sys.path.insert(0, sys.argv[1].rpartition("/")[0])
runpy.run_path(sys.argv[1], run_name="__main__")
"""


class Bucket:
    """The objects of a capture bucket, and the instances that a processing job would run on."""

    def __init__(self, scratch: Path) -> None:
        self.objects: dict[str, bytes] = {}
        self.requests: list[ProcessingRequest] = []
        self._scratch = scratch

    def uri(self, key: str) -> str:
        """Name an object."""
        return f"s3://captures/{key}"

    def put_report(self, key: str, content: bytes, *, content_type: str) -> None:
        """Keep an object."""
        self.objects[key] = content

    def reports(self, prefix: str, *, name: str, newest: int) -> list[bytes]:
        """Read objects below a prefix."""
        keys = sorted(key for key in self.objects if key.startswith(prefix) and key.endswith(name))
        return [self.objects[key] for key in keys[-newest:]]

    def captures(self, endpoint: str, *, since: datetime, until: datetime) -> list[CaptureFile]:
        """List capture files."""
        found = [key for key in self.objects if key.startswith(f"{endpoint}/")]
        return [CaptureFile(key=key, variant=VARIANT, size=len(self.objects[key])) for key in sorted(found)]

    def truth_lines(self, endpoint: str, *, since: datetime, until: datetime) -> list[bytes]:
        """Read ground truth."""
        return self.objects["truth"].splitlines()

    def run(self, request: ProcessingRequest, progress: Callable[[str], None]) -> None:
        """Give every instance its inputs, run the script there, and collect the outputs, as SageMaker does."""
        self.requests.append(request)
        _, *keys = json.loads(self.objects[request.manifest_uri.removeprefix("s3://captures/")])
        for number in range(request.instances):
            ml = self._scratch / f"instance-{number}"
            self._place(ml, request, keys[number :: request.instances], host=f"algo-{number + 1}")
            script = str(ml / request.script.removeprefix("/opt/ml/"))
            environment = {"SM_ML_ROOT": str(ml), "PATH": "/usr/bin:/bin"}
            command = [sys.executable, "-c", LAUNCHER, script]
            done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=1800)
            assert done.returncode == 0, done.stderr
            for path in (ml / "processing/output").iterdir():
                self.objects[request.output_uri.removeprefix("s3://captures/") + path.name] = path.read_bytes()
            shutil.rmtree(ml)

    def _place(self, ml: Path, request: ProcessingRequest, keys: list[str], *, host: str) -> None:
        for name, uri in request.shared.items():
            prefix = uri.removeprefix("s3://captures/")
            for key in [key for key in self.objects if key.startswith(prefix)]:
                _write(ml / "processing/input" / name / key.removeprefix(prefix), self.objects[key])
        for key in keys:
            _write(ml / "processing/input" / request.manifest_name / key, self.objects[key])
        _write(ml / "config/resourceconfig.json", json.dumps({"current_host": host}).encode())


def _write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class Cloud:
    """What the reading needs of AWS."""

    def __init__(self, bucket: Bucket) -> None:
        self.monitoring = self.processing = bucket


@pytest.fixture
def watch(checkout: Path, world: World, tmp_path: Path) -> tuple[Watch, Bucket, Tally]:
    """Stand before a window of five files with ground truth; the tally is what one process counts."""
    lowered = {"PIPELINE__MONITOR__PROCESSING__MEBIBYTES_PER_INSTANCE": "64"}
    settings = Settings.load(checkout, "prod", lowered)
    bucket = Bucket(tmp_path / "instances")
    sample = world.sample(900, seed=0)
    lines = events(sample)
    lines[::30] = events(sample, encode=as_arrow)[::30]
    files = [lines[start::5] for start in range(5)]
    for number, part in enumerate(files):
        bucket.objects[f"{settings.endpoint_name}/{VARIANT}/2026/11/23/0{number}/x.jsonl"] = b"\n".join(part)
    bucket.objects["truth"] = b"\n".join(truth_lines(sample, flip=0.3))
    release = Release(
        version=3, fingerprint=FINGERPRINT, commit="c", data_version="d", package="p", image="i", model_data="m",
        model_sha256="s", model="m",
    )  # fmt: skip
    cloud: Any = Cloud(bucket)
    here = Watch(settings=settings, aws=cloud, release=release, files=world.files, window=WINDOW, time=END)
    truth = read_truth(truth_lines(sample, flip=0.3), world.baseline.contract)
    return here, bucket, read(world, files, truth=truth)


@pytest.mark.parametrize("instances", [1, 3])
def test_a_job_gives_the_answer_of_one_process(
    world: World, watch: tuple[Watch, Bucket, Tally], instances: int
) -> None:
    """On one instance or three, with nothing but numpy and msgspec, the verdict is the same."""
    here, bucket, alone = watch
    crowded = here.settings.monitor.processing.model_copy(update={"above_mebibytes": 0, "mebibytes_per_instance": 0.3})
    if instances == 1:
        crowded = crowded.model_copy(update={"maximum_instances": 1})
    monitor = here.settings.monitor.model_copy(update={"processing": crowded})
    environment = here.settings.environment_file.model_copy(update={"monitor": monitor})
    large = replace(here, settings=here.settings.model_copy(update={"environment_file": environment}))

    tally = read_captures(large, world.baseline.contract, lambda _: None)

    assert bucket.requests[0].instances == instances
    verdict, expected = (evaluate(world.baseline, one, MonitorConfig()) for one in (tally, alone))
    assert verdict.outcome is expected.outcome is Outcome.DRIFT
    assert verdict.findings == expected.findings
    assert verdict.quality == expected.quality
    assert tally.reading.hours == alone.reading.hours


def test_a_small_window_needs_no_job(world: World, watch: tuple[Watch, Bucket, Tally]) -> None:
    """Below the configured size nothing is started."""
    here, bucket, _ = watch
    streamed: Any = here.aws.monitoring
    streamed.contents = lambda files: ((file, [bucket.objects[file.key]]) for file in files)

    tally = read_captures(here, world.baseline.contract, lambda _: None)

    assert tally.reading.rows == 900
    assert bucket.requests == []


REQUEST = ProcessingRequest(
    name="loan-approval-prod-20261123-120000",
    image_uri="111111111111.dkr.ecr.eu-west-1.amazonaws.com/loan-approval-inference:0123456789abcdef",
    role_arn="arn:aws:iam::111111111111:role/loan-approval-monitoring-prod",
    script="/opt/ml/processing/input/code/worker.py",
    shared={"code": "s3://b/code/", "job": "s3://b/job/"},
    manifest_name="captures",
    manifest_uri="s3://b/captures.manifest",
    output_key="alias/loans-dev",
    output_uri="s3://b/output/",
    instance_type="ml.m6i.large",
    instances=3,
    volume_gb=30,
    max_runtime_seconds=3600,
    tags={"project": "loan-approval"},
)


class Client:
    """Takes requests that the service model accepts; the job ends as told."""

    def __init__(self, status: str) -> None:
        self._status = status
        self.asked: dict[str, Any] = {}

    def create_processing_job(self, **request: Any) -> None:
        """Check a request against SageMaker's own model of it."""
        model = botocore.session.get_session().get_service_model("sagemaker")
        shape = model.operation_model("CreateProcessingJob").input_shape
        assert shape
        assert ParamValidator().validate(request, shape).generate_report() == ""
        self.asked = request

    def describe_processing_job(self, **_: str) -> dict[str, str]:
        """Describe the job's end."""
        return {"ProcessingJobStatus": self._status, "FailureReason": "AlgorithmError: exit code 1"}


def test_the_request_is_what_sagemaker_takes() -> None:
    """Captures are shared out by key, the rest goes to every instance."""
    client: Any = Client("Completed")

    Processing(client, poll_seconds=0.01).run(REQUEST, lambda _: None)

    sharing = {
        item["InputName"]: item["S3Input"]["S3DataDistributionType"] for item in client.asked["ProcessingInputs"]
    }
    assert sharing == {"code": "FullyReplicated", "job": "FullyReplicated", "captures": "ShardedByS3Key"}


def test_a_failed_job_is_a_broken_monitor() -> None:
    """The reason and the log's place reach the reader."""
    client: Any = Client("Failed")

    with pytest.raises(MonitorBroken, match="exit code 1"):
        Processing(client, poll_seconds=0.01).run(REQUEST, lambda _: None)


def test_a_tally_of_another_version_is_refused() -> None:
    """Bytes that are no tally do not become one."""
    with pytest.raises(ValueError, match="Object missing required field"):
        load_tally(b"\x80")
