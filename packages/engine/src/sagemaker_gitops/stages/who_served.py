"""who-served: from an inference id to the release that answered, and to everyone who let it."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from sagemaker_gitops.aws.captures import Event
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.errors import PredictionUnknown
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.release.ledger import Entry, Release, read
from sagemaker_gitops.report.markdown import inert
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which prediction, and how many hours back to look for it."""

    inference_id: str
    hours: float = 48


@dataclass(frozen=True, kw_only=True)
class _Served:
    time: datetime
    version: str
    fingerprint: str
    variant: str
    source: str


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Find a prediction's record, and the ledger's entries that put its release there."""
    served = _served(settings, aws, options)
    entries = read(aws.ledger)
    release = _release(entries, served)
    if release is None:
        raise PredictionUnknown(
            f"fingerprint {served.fingerprint[:12]} answered, but the ledger knows of no such release",
            where=served.source,
            next_step="run `pipeline reconcile`: something serves that nobody released",
        )
    return _result(settings, options, served, release, _entry(entries, release, served.time))


def _served(settings: Settings, aws: Aws, options: Options) -> _Served:
    until = datetime.now(UTC)
    since = until - timedelta(hours=options.hours)
    endpoint, wanted = settings.endpoint_name, options.inference_id
    if record := aws.records.find(endpoint, wanted, since=since, until=until):
        return _from_log(record, endpoint)
    if event := aws.captures.find(endpoint, wanted, since=since, until=until):
        return _from_capture(event)
    raise PredictionUnknown(
        f"no record of the last {options.hours:g} hours answers to {wanted!r}",
        where=f"log group /aws/sagemaker/Endpoints/{endpoint} and bucket {settings.capture_bucket}",
        next_step="look further back with --hours; records reach them within minutes",
    )


def _from_log(record: Mapping[str, object], endpoint: str) -> _Served:
    return _Served(
        time=datetime.fromisoformat(str(record["time"]).replace("Z", "+00:00")),
        version=str(record.get("model_version", "")),
        fingerprint=str(record.get("fingerprint", "")),
        variant=str(record.get("variant", "")),
        source=f"log group /aws/sagemaker/Endpoints/{endpoint}",
    )


def _from_capture(event: Event) -> _Served:
    try:
        answer = json.loads(event.answered)
    except ValueError:
        answer = {}
    return _Served(
        time=event.time,
        version=str(answer.get("model_version", "")),
        fingerprint=str(answer.get("fingerprint", "")),
        variant=event.variant,
        source=event.uri,
    )


def _release(entries: Sequence[Entry], served: _Served) -> Release | None:
    known = [entry.release for entry in entries if entry.release is not None]
    for release in reversed(known):
        if release.fingerprint == served.fingerprint and str(release.version) == served.version:
            return release
        if not served.fingerprint and release.variant == served.variant:
            return release
    return None


def _entry(entries: Sequence[Entry], release: Release, moment: datetime) -> Entry | None:
    """Find the entry after which the release came to answer at that moment."""
    # A capture's time has no fractions of a second.
    earlier = [entry for entry in entries if entry.finished <= moment + timedelta(seconds=1)]
    giving = [entry for entry in earlier if entry.after.get(release.variant, 0) > 0]
    return giving[-1] if giving else None


def _result(
    settings: Settings, options: Options, served: _Served, release: Release, entry: Entry | None
) -> StageResult:
    facts = {
        "inference_id": options.inference_id,
        "time": served.time.isoformat(),
        "environment": settings.env,
        "version": str(release.version),
        "model_package": release.package,
        "fingerprint": release.fingerprint,
        "commit": release.commit,
        "data_version": release.data_version,
        "image": release.image,
        "model_sha256": release.model_sha256,
        **release.metrics,
        "approval": release.approval,
        **({"ledger_entry": str(entry.sequence)} if entry else {}),
        **({"share": f"{entry.after[release.variant]:g} %", "released": entry.finished.isoformat()} if entry else {}),
        **({"released_by": entry.actor, "approver": entry.approver} if entry else {}),
        "record": served.source,
    }
    rows = "\n".join(f"| {name} | {inert(value)} |" for name, value in facts.items() if value)
    return StageResult(
        summary=f"### who-served\nVersion **{release.version}** answered.\n\n| | |\n|---|---|\n{rows}", outputs=facts
    )
