"""explain: say whether a build would train, and which input made the difference."""

import json
from collections.abc import Mapping
from dataclasses import dataclass

from pipeline import fingerprint
from pipeline.aws.registry import RegisteredModel
from pipeline.aws.services import Aws
from pipeline.fingerprint import Fingerprint
from pipeline.result import StageResult
from pipeline.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Options:
    """What to compare with: a version of the registry, or the newest."""

    version: int | None = None


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Tell a cache hit from a miss, and list what changed since another version."""
    mark = fingerprint.compute(settings.root)
    jobs = aws.training.attempts(settings.training_job_name(mark.digest))
    hit = any(job.status == "Completed" and aws.storage.exists(job.model_data) for job in jobs)
    other = aws.registry.describe(options.version) if options.version else next(aws.registry.newest(), None)
    changes = _changes(settings, aws, mark, other) if other else []
    verdict = "**hit**: the model exists, nothing will be trained" if hit else "**miss**: a training job will run"
    return StageResult(
        summary="\n".join([f"### explain\n`{mark.digest[:12]}` is a {verdict}.", "", *_told(changes, other)]),
        outputs={"fingerprint": mark.digest, "hit": str(hit).lower(), **_outputs(mark)},
    )


def _changes(settings: Settings, aws: Aws, mark: Fingerprint, other: RegisteredModel) -> list[str]:
    rows = []
    for name, digest in sorted(mark.inputs.items()):
        before = other.metadata.get(f"input_{name}", "")
        if before != digest:
            rows.append(
                f"| {name} | `{before[:12] or 'unknown'}` | `{digest[:12]}` | {_detail(settings, aws, name, other)} |"
            )
    return rows


def _detail(settings: Settings, aws: Aws, name: str, other: RegisteredModel) -> str:
    if name != "hyperparameters":
        return ""
    job = aws.training.find(other.metadata.get("training_job", ""))
    path = settings.root / "model" / "config" / "hyperparameters.json"
    return _difference(job.hyperparameters if job else {}, json.loads(path.read_text()))


def _difference(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    names = sorted({*before, *after})
    changed = [name for name in names if before.get(name) != after.get(name)]
    return ", ".join(f"{name}: {before.get(name, 'unset')} → {after.get(name, 'unset')}" for name in changed)


def _told(changes: list[str], other: RegisteredModel | None) -> list[str]:
    if other is None:
        return ["Nothing is registered yet to compare with."]
    if not changes:
        return [f"Every input equals version {other.version}'s."]
    head = [
        f"Since version {other.version} ({other.commit[:12]}):",
        "",
        "| input | from | to | in detail |",
        "|---|---|---|---|",
    ]
    return [*head, *changes]


def _outputs(mark: Fingerprint) -> dict[str, str]:
    return {f"input_{name}": digest for name, digest in sorted(mark.inputs.items())}
