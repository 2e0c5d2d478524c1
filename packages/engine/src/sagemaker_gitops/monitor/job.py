"""Reading a window: here when it is small, in a processing job when it is not, with the same answer."""

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce
from math import ceil
from pathlib import Path

import msgspec
import sagemaker_gitops_modelkit

import sagemaker_gitops
from sagemaker_gitops.aws.monitoring import CaptureFile
from sagemaker_gitops.aws.processing import ROOT, ProcessingRequest, manifest
from sagemaker_gitops.aws.schedules import ScheduleRequest
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.monitor.answers import Truth, read_truth
from sagemaker_gitops.monitor.baseline import Contract
from sagemaker_gitops.monitor.parallel import Reading, Task, read_files
from sagemaker_gitops.monitor.record import Record
from sagemaker_gitops.monitor.tally import Tally, load_tally
from sagemaker_gitops.monitor.window import Window
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.ledger import Release
from sagemaker_gitops.release.session import open_ledger
from sagemaker_gitops.release.writer import Author, NewEntry

# What the worker imports: the pure statistics and what they stand on, and the modelkit's readers of Arrow and of cells.
_PACKAGE = Path(sagemaker_gitops.__file__).parent
_CODE = ("__init__.py", "errors.py", "monitor/*.py")
_MODELKIT = Path(sagemaker_gitops_modelkit.__file__).parent
_READERS = (
    "__init__.py",
    "cells.py",
    "serving/__init__.py",
    *(f"serving/{part}.py" for part in ("arrow_metadata", "arrow_text", "arrow_stream")),
)
_WORKER = "monitor/worker.py"


@dataclass(frozen=True, kw_only=True)
class Watch:
    """One reading: whose traffic, against which files, in which window, as of when."""

    settings: Settings
    aws: Aws
    release: Release
    files: Mapping[str, bytes]
    window: Window
    time: datetime


def read_captures(watch: Watch, contract: Contract, progress: Callable[[str], None]) -> Tally:
    """Count the window's captures, and older ones that ground truth has come for."""
    monitoring, endpoint, window = watch.aws.monitoring, watch.settings.endpoint_name, watch.window
    # Ground truth may be uploaded at any time after the prediction, so up to this moment.
    lines = monitoring.truth_lines(endpoint, since=window.labels_since, until=max(watch.time, window.end))
    truth = read_truth(lines, contract)
    since = window.labels_since if truth.known else window.start
    captures = monitoring.captures(endpoint, since=since, until=window.end)
    size = sum(file.size for file in captures) / 2**20
    progress(f"{len(captures)} capture files of {size:.1f} MiB, {len(truth.known)} labelled calls")
    if size > watch.settings.monitor.processing.above_mebibytes:
        return _in_a_job(watch, captures, truth, progress)
    return _here(watch, captures, truth)


def schedule_model_monitor(watch: Watch) -> bool:
    """Have Model Monitor watch the endpoint by the release's own files; say whether that is new."""
    settings, monitoring = watch.settings, watch.aws.monitoring
    if settings.monitor.model_monitor_image is None:
        raise ConfigurationError(
            "Model Monitor's analyzer image differs from region to region, and is not set",
            where=f"infra/config/{settings.env}.json, monitor.model_monitor_image",
            next_step="set it to the URI that AWS's page on prebuilt Model Monitor containers lists for the region",
        )
    folder = f"monitoring/{settings.endpoint_name}/baselines/{watch.release.fingerprint[:8]}"
    for name in ("statistics.json", "constraints.json"):
        monitoring.put_report(f"{folder}/{name}", watch.files[name], content_type="application/json")
    return watch.aws.schedules.put(
        ScheduleRequest(
            endpoint=settings.endpoint_name,
            definition=f"{settings.endpoint_name}-{watch.release.fingerprint[:8]}",
            image_uri=settings.monitor.model_monitor_image,
            role_arn=settings.monitoring_role_arn,
            statistics_uri=monitoring.uri(f"{folder}/statistics.json"),
            constraints_uri=monitoring.uri(f"{folder}/constraints.json"),
            output_uri=monitoring.uri(f"monitoring/{settings.endpoint_name}/model-monitor"),
            output_key=settings.environment_key,
            instance_type=settings.monitor.processing.instance_type,
            volume_gb=settings.monitor.processing.volume_gb,
            max_runtime_seconds=settings.monitor.processing.max_runtime_seconds,
        )
    )


def record_decisions(
    settings: Settings, aws: Aws, author: Author, record: Record, *, release: Release | None = None, report: str = ""
) -> None:
    """Write every decision of a run into the ledger, taken or withheld, with what it stands on."""
    if not record.decisions:
        return
    ledger = open_ledger(settings, aws, author)
    for decision in record.decisions:
        entry = NewEntry(
            action="monitor",
            outcome="decided" if decision.taken else "withheld",
            release=release,
            reason=f"{decision.reaction}: {decision.reason}. Evidence: {record.reason}; {report or 'no report'}",
            started=record.time,
        )
        ledger.write(entry)


def _here(watch: Watch, captures: Sequence[CaptureFile], truth: Truth) -> Tally:
    reading = Reading(files=watch.files, window=watch.window, release=watch.release.fingerprint[:8], truth=truth)
    files = ((file.key, file.variant, chunks) for file, chunks in watch.aws.monitoring.contents(captures))
    return read_files(reading, files, size=sum(file.size for file in captures))


def _in_a_job(watch: Watch, captures: Sequence[CaptureFile], truth: Truth, progress: Callable[[str], None]) -> Tally:
    monitoring, endpoint = watch.aws.monitoring, watch.settings.endpoint_name
    name = f"{endpoint[:40]}-{watch.time:%Y%m%d-%H%M%S}"
    folder = f"monitoring/{endpoint}/jobs/{name}"
    listed = json.dumps(manifest(watch.settings.capture_bucket, [file.key for file in captures])).encode()
    for file_name, content in {**_job_files(watch, truth), "captures.manifest": listed}.items():
        subfolder = "" if file_name.endswith(".manifest") else "job/"
        monitoring.put_report(f"{folder}/{subfolder}{file_name}", content, content_type="application/octet-stream")
    watch.aws.processing.run(_request(watch, name, folder, captures), progress)
    tallies = monitoring.reports(f"{folder}/output/", name=".tally", newest=len(captures))
    return reduce(_merged, map(load_tally, tallies))


def _job_files(watch: Watch, truth: Truth) -> dict[str, bytes]:
    window = watch.window
    task = Task(
        start=window.start, end=window.end, labels_since=window.labels_since, release=watch.release.fingerprint[:8]
    )
    return {**watch.files, "task.json": msgspec.json.encode(task), "truth.msgpack": msgspec.msgpack.encode(truth)}


def _request(watch: Watch, name: str, folder: str, captures: Sequence[CaptureFile]) -> ProcessingRequest:
    sizing, monitoring = watch.settings.monitor.processing, watch.aws.monitoring
    needed = ceil(sum(file.size for file in captures) / 2**20 / sizing.mebibytes_per_instance)
    return ProcessingRequest(
        name=name,
        image_uri=watch.release.image,
        role_arn=watch.settings.monitoring_role_arn,
        script=f"{ROOT}/input/code/worker.py",
        shared={"code": monitoring.uri(_upload_code(watch)), "job": monitoring.uri(f"{folder}/job/")},
        manifest_name="captures",
        manifest_uri=monitoring.uri(f"{folder}/captures.manifest"),
        output_uri=monitoring.uri(f"{folder}/output/"),
        output_key=watch.settings.environment_key,
        instance_type=sizing.instance_type,
        instances=min(needed, sizing.maximum_instances, len(captures)),
        volume_gb=sizing.volume_gb,
        max_runtime_seconds=sizing.max_runtime_seconds,
        tags={"project": watch.settings.project, "fingerprint": watch.release.fingerprint},
    )


def _upload_code(watch: Watch) -> str:
    """Put the worker's modules where the job reads them, under the name of their content."""
    files = {path.relative_to(_PACKAGE): path.read_bytes() for glob in _CODE for path in _PACKAGE.glob(glob)}
    placed = {f"sagemaker_gitops/{path.as_posix()}": content for path, content in files.items()}
    placed |= {f"sagemaker_gitops_modelkit/{name}": (_MODELKIT / name).read_bytes() for name in _READERS}
    placed["worker.py"] = files[Path(_WORKER)]
    digest = hashlib.sha256(b"".join(name.encode() + placed[name] for name in sorted(placed))).hexdigest()
    prefix = f"monitoring/code/{digest[:16]}/"
    for name, content in placed.items():
        watch.aws.monitoring.put_report(prefix + name, content, content_type="text/x-python")
    return prefix


def _merged(left: Tally, right: Tally) -> Tally:
    left.merge(right)
    return left
