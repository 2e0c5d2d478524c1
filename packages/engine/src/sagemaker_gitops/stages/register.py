"""register: enter a model that passed its gates into the registry, with all that led to it."""

import json
import re
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from sagemaker_gitops.aws.registry import PENDING, REJECTED, Candidate, RegisteredModel
from sagemaker_gitops.aws.services import Aws
from sagemaker_gitops.build import artifact, attestation, cache, fingerprint, recipe, tracking
from sagemaker_gitops.build import model_card as releasecard
from sagemaker_gitops.build.recipe import Choice, Recipe
from sagemaker_gitops.errors import GateFailed, GatesNotRun
from sagemaker_gitops.project.settings import Settings
from sagemaker_gitops.report import card as cards
from sagemaker_gitops.stages.result import StageResult


@dataclass(frozen=True, kw_only=True)
class Options:
    """Which model, the commit that made it, whether a champion was challenged, and why.

    `attestation` is the bundle that GitHub signed about the model's bytes, if it signed one.
    """

    commit: str
    fingerprint: str | None = None
    choice: Choice
    challenged: bool = False
    reason: str = ""
    attestation: Path | None = None


def run(settings: Settings, aws: Aws, options: Options) -> StageResult:
    """Register the model once; a second run finds the first one's version."""
    wanted = recipe.resolve(settings, aws, options.choice)
    mark = fingerprint.require(wanted.mark, options.fingerprint)
    tag = fingerprint.image_tag(settings.root, "inference")
    aws.images.require(settings.image_repository("inference"), tag)
    challenge = _challenge(settings, aws, mark.digest, tag) if options.challenged else {}
    lost = challenge.get("outcome") == "lost"
    report = _unjudged(settings, aws, wanted, tag) if lost else _report(settings, aws, mark.digest, tag)
    image = settings.image_uri("inference", tag)
    known = aws.registry.find(mark.digest, image=image)
    if known and not aws.storage.exists(known.model_data):
        known = None  # evicted, and trained again since
    run = tracking.judged(settings, aws, report)
    facts = {
        "commit": options.commit,
        "data_version": mark.inputs["data"],
        **{f"input_{name}": value for name, value in mark.inputs.items()},
        **wanted.lineage,
        **_evidence(settings, challenge, mark.digest, tag),
        **_provenance(settings, aws, options.attestation, report),
        **({"retrained_because": _value(options.reason)} if options.reason else {}),
        **run.facts,
    }
    hashes = fingerprint.image_hashes(settings.root, "inference")
    aws.storage.write_once(settings.image_record_uri(tag), json.dumps(hashes, sort_keys=True).encode())
    model = known or aws.registry.add(_candidate(settings, aws, report, image=image, facts=facts))
    linked = tracking.registered(settings, aws, model)
    return replace(_result(model, known=known is not None), annotations=linked.remarks)


def _challenge(settings: Settings, aws: Aws, digest: str, tag: str) -> dict[str, Any]:
    content = aws.storage.get(settings.challenge_uri(digest, tag))
    challenge: dict[str, Any] = json.loads(content) if content else {}
    return challenge


def _evidence(settings: Settings, challenge: dict[str, Any], digest: str, tag: str) -> dict[str, str]:
    """Name the comparison's figures, and where the whole of it is kept."""
    if not challenge:
        return {}
    figures = ("champion", "challenger", "difference", "lower", "margin", "confidence")
    return {
        "challenge": challenge["outcome"],
        "challenge_champion_version": str(challenge["champion_version"]),
        "challenge_metric": challenge["metric"],
        "challenge_rows": str(challenge["rows"]),
        **{f"challenge_{name}": f"{challenge[name]:.6g}" for name in figures},
        "challenge_report": settings.challenge_uri(digest, tag),
    }


def _provenance(settings: Settings, aws: Aws, bundle: Path | None, report: dict[str, Any]) -> dict[str, str]:
    """Keep what GitHub first signed about the model's bytes, and say where."""
    if bundle is None:
        return {}
    read = attestation.read(bundle, sha256=report["model_sha256"])
    uri = settings.provenance_uri(report["fingerprint"], read.sha256)
    aws.storage.write_once(uri, read.content)
    return {"provenance": uri, "provenance_subject": f"sha256:{read.sha256}"}


def _value(text: str) -> str:
    """Bring a text into the form that the registry takes as a value."""
    return " ".join(re.sub(r"[^\w.:/=+@-]", " ", text).split())[:256] or "unknown"


def _unjudged(settings: Settings, aws: Aws, wanted: Recipe, tag: str) -> dict[str, Any]:
    """Describe a model as a gate report does; no gate needs to judge one that nobody may deploy."""
    trained = cache.require(settings, aws, wanted.mark)
    return {
        "fingerprint": wanted.mark.digest,
        "image_tag": tag,
        "training_job": trained.job.name,
        "model_data": trained.model_data,
        "model_sha256": trained.sha256,
        "passed": False,
        "marks": [],
    }


def _report(settings: Settings, aws: Aws, digest: str, tag: str) -> dict[str, Any]:
    uri = settings.gate_report_uri(digest, tag)
    content = aws.storage.get(uri)
    if content is None:
        raise GatesNotRun(
            f"no gate has judged the model of fingerprint {digest[:12]} in image {tag}",
            where=uri,
            next_step=f"run `pipeline test --env {settings.env}` first",
        )
    report: dict[str, Any] = json.loads(content)
    if not report["passed"]:
        missed = [f"{mark['gate']}/{mark['name']}" for mark in report["marks"] if not mark["passed"]]
        raise GateFailed(
            f"the model failed its gates ({', '.join(missed) or 'see the report'}) and cannot be registered",
            where=uri,
            next_step="improve the model, then run train and test again",
        )
    return report


def _candidate(settings: Settings, aws: Aws, report: dict[str, Any], *, image: str, facts: dict[str, str]) -> Candidate:
    digest, sha256 = report["fingerprint"], report["model_sha256"]
    prefix = f"s3://{settings.artifact_bucket}/metrics/{digest}"
    with TemporaryDirectory() as scratch:
        folder = _unpacked(aws, report, Path(scratch))
        metrics = json.loads((folder / "metrics.json").read_text())
        bills = _bills(settings, aws, report, folder, data_version=facts["data_version"])
    for name, keys in (("quality", ("overall",)), ("bias", ("bias", "groups"))):
        content = json.dumps({key: metrics.get(key, {}) for key in keys}, sort_keys=True)
        aws.storage.put(f"{prefix}/{name}.json", content.encode())
    return Candidate(
        fingerprint=digest,
        image=image,
        model_data=report["model_data"],
        metrics_uri=f"{prefix}/quality.json",
        bias_uri=f"{prefix}/bias.json",
        environment={"MODEL_FINGERPRINT": digest, "MODEL_COMMIT": facts["commit"]},
        status=PENDING if report["passed"] else REJECTED,
        card=cards.dump(releasecard.compose(settings, report, metrics, image=image, lineage=facts)),
        metadata={
            "fingerprint": digest,
            **facts,
            "model_sha256": sha256,
            "training_job": report["training_job"],
            **_verdict(settings, report),
            **bills,
            **{f"metric_{m['name']}": f"{m['value']:.6f}" for m in report["marks"] if m["gate"] == "quality"},
        },
    )


def _verdict(settings: Settings, report: dict[str, Any]) -> dict[str, str]:
    if not report["passed"]:
        return {"gates": "not run: lost its challenge"}
    return {"gates": "passed", "gate_report": settings.gate_report_uri(report["fingerprint"], report["image_tag"])}


def _unpacked(aws: Aws, report: dict[str, Any], scratch: Path) -> Path:
    archive = scratch / "model.tar.gz"
    aws.storage.download(report["model_data"], archive, sha256=report["model_sha256"])
    return artifact.unpack(archive, scratch / "model")


def _bills(settings: Settings, aws: Aws, report: dict[str, Any], folder: Path, *, data_version: str) -> dict[str, str]:
    """Store what the images install and the model consists of, and say where."""
    from sagemaker_gitops.build import sbom  # noqa: PLC0415  half a second that no other command should pay

    root, digest, sha256 = settings.root, report["fingerprint"], report["model_sha256"]
    documents = {
        "train": sbom.image(root, "train", tag=fingerprint.image_tag(root, "train")),
        "inference": sbom.image(root, "inference", tag=report["image_tag"]),
        "model": sbom.model(folder, fingerprint=digest, sha256=sha256, data_version=data_version),
    }
    for subject, content in documents.items():
        aws.storage.put(settings.sbom_uri(digest, report["image_tag"], subject), content)
    return {f"sbom_{subject}": settings.sbom_uri(digest, report["image_tag"], subject) for subject in documents}


def _result(model: RegisteredModel, *, known: bool) -> StageResult:
    how = "was registered before" if known else "is registered"
    return StageResult(
        summary=f"### register\nVersion **{model.version}** {how}: `{model.fingerprint[:12]}`, {model.status}.",
        outputs={
            "version": str(model.version),
            "model_package_arn": model.arn,
            "fingerprint": model.fingerprint,
        },
    )
