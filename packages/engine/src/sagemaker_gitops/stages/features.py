"""features: keep the model's inputs in Feature Store, and take training sets and requests from there."""

import csv
import json
import math
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from sagemaker_gitops.aws.features import Group
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import fingerprint
from sagemaker_gitops.build.feature_records import Record, format_time, parse_time, records, rows
from sagemaker_gitops.errors import ConfigurationError, DataInvalid, FeaturesAbsent, FoundationIncomplete
from sagemaker_gitops.project import features as defining
from sagemaker_gitops.project.features import Definition
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages.result import StageResult

if TYPE_CHECKING:
    from sagemaker_gitops.build.feature_history import TrainingSet

_PART = 500
_WRITERS = 16
# AWS buffers a record that long at most before it is in the offline store.
_LANDING = timedelta(minutes=15)


@dataclass(frozen=True, kw_only=True)
class Options:
    """Who is told what is going on, and what time it is."""

    progress: Callable[[str], None] = lambda _: None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


@dataclass(frozen=True, kw_only=True)
class Wanted:
    """Which labels a training set is for, what is taken as known, and where it goes."""

    as_of: str
    output: Path
    labels: Path | None = None


def define(settings: Settings, aws: Aws) -> StageResult:
    """Show what schema.json makes of a record, and require that AWS keeps it."""
    wanted, group = _group(settings, aws)
    lines = "\n".join(f"| {name} | {kind} |" for name, kind in wanted.types.items())
    return StageResult(
        summary=f"### features\n`{group.name}` is there as `{defining.SCHEMA}` defines it.\n\n"
        f"| member | type |\n|---|---|\n{lines}",
        outputs={"group": group.name, "history": group.history},
    )


def ingest(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Bring this commit's data set into the store, once; an interrupted run is continued."""
    wanted, group = _group(settings, aws)
    mark = fingerprint.features(settings.root)
    base = f"s3://{settings.features_bucket}/ingestions/{group.name}/{mark.digest}"
    if aws.storage.exists(f"{base}/done.json"):
        return _ingested(group, mark.digest, f"Version `{mark.digest[:12]}` is in `{group.name}` already.", written=0)
    begun = json.dumps({"moment": format_time(options.now()), "inputs": dict(mark.inputs)}).encode()
    moment = parse_time(json.loads(aws.storage.write_once(f"{base}/begun.json", begun))["moment"])
    found = records(rows(fingerprint.data_files(settings.root), wanted), wanted, moment=moment)
    written = _write(aws, group, found, base=base, progress=options.progress)
    aws.storage.write_once(f"{base}/done.json", json.dumps({"records": len(found)}).encode())
    return _ingested(
        group, mark.digest, f"{written} of {len(found)} records written to `{group.name}`.", written=written
    )


def training_set(settings: Settings, aws: Aws, wanted: Wanted, options: Options) -> StageResult:
    """Write labels with the features that were true at their time, as far as they were known as of a moment."""
    definition, group = _group(settings, aws)
    from sagemaker_gitops.build import feature_history as history  # noqa: PLC0415 - only this command waits for pandas

    as_of = parse_time(wanted.as_of)
    files = [wanted.labels] if wanted.labels else list(fingerprint.data_files(settings.root))
    labels = history.labels(_readable(files, definition), definition, at=as_of)
    hour = f"{labels['_event'].max():year=%Y/month=%m/day=%d/hour=%H}"
    options.progress(f"reading {group.history} up to {hour}")
    kept = history.load(aws.features.history(group.history, before=hour), definition)
    made = history.join(history.known(kept, definition, at=as_of), labels, definition)
    if not made.rows:
        raise FeaturesAbsent(
            f"none of {len(labels)} labels has features that were known at {format_time(as_of)}",
            where=group.history,
            next_step="ingest first; AWS takes up to 15 minutes to write the history, then choose a later --as-of",
        )
    wanted.output.parent.mkdir(parents=True, exist_ok=True)
    wanted.output.write_text(made.csv, encoding="utf-8")
    return _told(made, wanted, final=as_of <= options.now() - _LANDING)


def lookup(settings: Settings, aws: Aws, ids: Sequence[str]) -> StageResult:
    """Show the request that the features of some ids make, as serving looks them up."""
    _, group = _group(settings, aws)
    body = json.dumps({"instances": aws.features.lookup(group.name, ids)})
    return StageResult(summary=f"### features\n`{body}`", outputs={"group": group.name, "request": body})


def _group(settings: Settings, aws: Aws) -> tuple[Definition, Group]:
    """Find the feature group of this checkout's schema; refuse one that is not there or not the same."""
    if settings.serving.features != "store":
        raise ConfigurationError(
            f"{settings.env} takes features from the request; it has no feature group",
            where=f"infra/config/{settings.env}.json, serving.features",
            next_step=f'set "features": "store", then pipeline bootstrap aws --env {settings.env}',
        )
    wanted = defining.read(settings.root)
    name = wanted.group(settings.endpoint_name)
    group = aws.features.describe(name)
    if group is None or group.status != "Created" or dict(group.types) != wanted.types:
        raise FoundationIncomplete(
            f"the feature group of this schema is {_state(group)}",
            where=f"feature group {name}",
            next_step=f"pipeline bootstrap aws --env {settings.env}",
        )
    return wanted, group


def _state(group: Group | None) -> str:
    if group is None:
        return "missing"
    return f"{group.status}: {group.failure}" if group.status != "Created" else "of another definition"


def _write(aws: Aws, group: Group, found: Sequence[Record], *, base: str, progress: Callable[[str], None]) -> int:
    parts = math.ceil(len(found) / _PART)
    done = set(aws.storage.children(f"{base}/parts/"))
    written = 0
    with ThreadPoolExecutor(_WRITERS) as writers:
        for number in range(parts):
            if f"{number:06d}" in done:
                continue
            part = found[number * _PART : (number + 1) * _PART]
            list(writers.map(lambda record: aws.features.put(group.name, record), part))
            aws.storage.write_once(f"{base}/parts/{number:06d}", b"{}")
            written += len(part)
            progress(f"part {number + 1} of {parts} is in {group.name}")
    return written


def _readable(files: Sequence[Path], definition: Definition) -> list[dict[str, str]]:
    try:
        return list(rows(files, definition))
    except (OSError, UnicodeDecodeError, csv.Error) as err:
        raise DataInvalid(f"the labels cannot be read: {err}", where="--labels", next_step="name a CSV file") from err


def _ingested(group: Group, version: str, told: str, *, written: int) -> StageResult:
    return StageResult(
        summary=f"### features\n{told}",
        outputs={"group": group.name, "feature_version": version, "written": str(written)},
    )


def _told(made: "TrainingSet", wanted: Wanted, *, final: bool) -> StageResult:
    left = f" {len(made.missing)} labels have none: {', '.join(made.missing[:5])}." if made.missing else ""
    soon = "" if final else " AWS may still write records of the last 15 minutes: made again, the set may differ."
    return StageResult(
        summary=f"### features\n{made.rows} rows as of {wanted.as_of} in `{wanted.output}`.{left}{soon}",
        outputs={
            "rows": str(made.rows),
            "missing": str(len(made.missing)),
            "output": str(wanted.output),
            "final": str(final).lower(),
        },
    )
