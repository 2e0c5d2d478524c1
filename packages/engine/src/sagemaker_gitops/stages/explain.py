"""explain: say of everything that is built once whether it would be built now, and what made the difference."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from sagemaker_gitops.aws.registry import RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import cache, fingerprint, recipe
from sagemaker_gitops.build.recipe import Choice, Recipe
from sagemaker_gitops.project.environments import ImageKind
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.stages.result import StageResult

IMAGES: tuple[ImageKind, ...] = ("train", "inference")


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which model, what to compare it with (the newest version if nothing is said), and how closely to read."""

    version: int | None = None
    choice: Choice
    verify: bool = False


@dataclass(frozen=True, kw_only=True)
class Product:
    """Something that is built once: its name, the hash it goes by, and whether it is there."""

    name: str
    key: str
    hit: bool
    reason: str


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Tell hits from misses, and list what changed since another version."""
    if options.verify:
        fingerprint.read_again(settings.root)
    wanted = recipe.resolve(settings, aws, options.choice)
    products = [_model(settings, aws, wanted), *_images(settings, aws), _report(settings, aws, wanted)]
    other = aws.registry.describe(options.version) if options.version else next(aws.registry.newest(), None)
    told = _told(_changes(settings, aws, wanted, other), other) if other else ["Nothing is registered to compare with."]
    rows = [f"| {p.name} | `{p.key[:16]}` | **{'hit' if p.hit else 'miss'}** | {p.reason} |" for p in products]
    table = ["| built once | known as | | because |", "|---|---|---|---|", *rows]
    inputs = {f"input_{name}": digest for name, digest in sorted(wanted.mark.inputs.items())}
    hits = {f"{product.name.replace(' ', '_')}_hit": str(product.hit).lower() for product in products}
    return StageResult(
        summary="\n".join(["### explain", *table, "", *told]),
        outputs={"fingerprint": wanted.mark.digest, "hit": hits["model_hit"], **hits, **inputs},
    )


def _model(settings: Settings, aws: Aws, wanted: Recipe) -> Product:
    jobs = aws.training.attempts(settings.training_job_name(wanted.mark.digest))
    trained = cache.find(settings, aws, wanted.mark, jobs)
    if trained:
        reason = f"job {trained.job.name} made it, and its sha256 is the recorded one: no job will run"
    elif not jobs:
        reason = "no job was ever run for this fingerprint: one will run"
    elif not jobs[-1].ended:
        reason = f"job {jobs[-1].name} is making it: it will be awaited"
    elif jobs[-1].status == "Completed":
        reason = f"the artefact of job {jobs[-1].name} was removed: it will be made again"
    else:
        reason = f"job {jobs[-1].name} ended as {jobs[-1].status}, and no failure is kept: another job will run"
    return Product(name="model", key=wanted.mark.digest, hit=trained is not None, reason=reason)


def _images(settings: Settings, aws: Aws) -> Iterator[Product]:
    for kind in IMAGES:
        tag = fingerprint.image_tag(settings.root, kind)
        there = aws.images.find(settings.image_repository(kind), tag)
        reason = f"pushed as {there[:19]}: nothing is built" if there else "this content was never pushed"
        yield Product(name=f"{kind} image", key=tag, hit=there is not None, reason=reason)


def _report(settings: Settings, aws: Aws, wanted: Recipe) -> Product:
    tag = fingerprint.image_tag(settings.root, "inference")
    content = aws.storage.get(settings.gate_report_uri(wanted.mark.digest, tag))
    report = json.loads(content) if content else {}
    if not report:
        reason = "no gate has judged this model in this image"
    elif report["passed"]:
        reason = "the gates passed it; they judge again when thresholds, gates or champion have changed"
    else:
        reason = "the gates refused it, and judge it again"
    return Product(
        name="gate report", key=f"{wanted.mark.digest[:8]}/{tag}", hit=bool(report.get("passed")), reason=reason
    )


def _changes(settings: Settings, aws: Aws, wanted: Recipe, other: RegisteredModel) -> Iterator[str]:
    record = cache.record_of(settings, aws, other.metadata.get("training_job", ""))
    before = {name.removeprefix("input_"): value for name, value in other.metadata.items() if name.startswith("input_")}
    after = wanted.mark.inputs
    for name in sorted({*before, *after}):
        if before.get(name) != after.get(name):
            files = _files(record.get("files", {}).get(name, {}), wanted.mark.files.get(name, {}))
            detail = _detail(settings, aws, other, name) or files
            yield f"| {name} | `{before.get(name, 'none')[:12]}` | `{after.get(name, 'none')[:12]}` | {detail} |"
    image, tag = other.image.rsplit(":", 1)[-1], fingerprint.image_tag(settings.root, "inference")
    if image != tag:
        recorded = aws.storage.get(settings.image_record_uri(image))
        files = _files(json.loads(recorded) if recorded else {}, fingerprint.image_hashes(settings.root, "inference"))
        yield f"| inference image | `{image[:12]}` | `{tag[:12]}` | {files} |"


def _detail(settings: Settings, aws: Aws, other: RegisteredModel, name: str) -> str:
    """Say more of an input than which of its files changed, where more is known."""
    if name == "hyperparameters":
        return _hyperparameters(settings, aws, other)
    if name == "modelkit":
        requirement = fingerprint.modelkit_requirement(settings.root)
        return f"another modelkit makes and serves the model: {requirement} ({fingerprint.MODELKIT} changed)"
    return ""


def _files(before: Mapping[str, str], after: Mapping[str, str]) -> str:
    if not before:
        return ""
    words = {(True, False): "removed", (False, True): "added", (True, True): "changed"}
    names = sorted(name for name in {*before, *after} if before.get(name) != after.get(name))
    return ", ".join(f"{name} {words[name in before, name in after]}" for name in names)


def _hyperparameters(settings: Settings, aws: Aws, other: RegisteredModel) -> str:
    job = aws.training.find(other.metadata.get("training_job", ""))
    before = job.hyperparameters if job else {}
    after = json.loads((settings.root / "model" / "config" / "hyperparameters.json").read_text())
    changed = [name for name in sorted({*before, *after}) if before.get(name) != after.get(name)]
    return ", ".join(f"{name}: {before.get(name, 'unset')} → {after.get(name, 'unset')}" for name in changed)


def _told(changes: Iterator[str], other: RegisteredModel) -> list[str]:
    rows = list(changes)
    if not rows:
        return [f"Every input equals version {other.version}'s."]
    head = f"Since version {other.version} ({other.commit[:12]}):"
    return [head, "", "| input | from | to | in detail |", "|---|---|---|---|", *rows]
