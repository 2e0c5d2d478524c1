"""Bills of materials in CycloneDX: what an image installs, and what a model consists of."""

import json
import re
import uuid
from collections.abc import Iterator
from pathlib import Path

from cyclonedx.model import ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, Property, XsUri
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

from sagemaker_gitops.errors import ConfigurationError
from sagemaker_gitops.project.environments import ImageKind

_PINNED = re.compile(r"(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)(?:\s*;\s*(?P<marker>[^\\]+?))?\s*(?:\\|$)")
_HASH = re.compile(r"--hash=sha256:(?P<sha256>[0-9a-f]{64})")


def image(root: Path, kind: ImageKind, *, tag: str) -> bytes:
    """List what requirements.txt installs into the image of `kind`, with the hashes that it allows."""
    path = root / "model" / kind / "requirements.txt"
    packages = list(_packages(path.read_text(encoding="utf-8")))
    if not packages:
        raise ConfigurationError("no package is pinned", where=str(path), next_step="run `make lock`")
    subject = Component(name=f"{kind} image", type=ComponentType.CONTAINER, version=tag, bom_ref=f"{kind}@{tag}")
    return _written(subject, packages)


def model(folder: Path, *, fingerprint: str, sha256: str, data_version: str) -> bytes:
    """List the files of an unpacked model.tar.gz and the data it was trained on."""
    manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    subject = Component(
        name="model.tar.gz",
        type=ComponentType.MACHINE_LEARNING_MODEL,
        version=fingerprint,
        hashes=[_hash(sha256)],
        bom_ref=f"model@{fingerprint}",
    )
    data = Component(name="data", type=ComponentType.DATA, version=data_version, bom_ref=f"data@{data_version}")
    files = [
        Component(name=name, type=ComponentType.FILE, hashes=[_hash(digest)], bom_ref=f"file:{name}")
        for name, digest in manifest["files"].items()
    ]
    return _written(subject, [data, *files])


def _packages(text: str) -> Iterator[Component]:
    for block in re.split(r"\n(?=\S)", text):
        if pinned := _PINNED.match(block):
            yield _package(pinned["name"], pinned["version"], pinned["marker"], _HASH.findall(block))


def _package(name: str, version: str, marker: str | None, hashes: list[str]) -> Component:
    purl = PackageURL(type="pypi", name=name, version=version)
    # Each hash is that of one wheel or source archive, none that of the installed package.
    archives = ExternalReference(
        type=ExternalReferenceType.DISTRIBUTION, url=XsUri(str(purl)), hashes=[_hash(digest) for digest in hashes]
    )
    condition = [Property(name="python:marker", value=marker)] if marker else []
    return Component(
        name=name,
        type=ComponentType.LIBRARY,
        version=version,
        purl=purl,
        bom_ref=str(purl),
        external_references=[archives],
        properties=condition,
    )


def _hash(sha256: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=sha256)


def _written(subject: Component, components: list[Component]) -> bytes:
    bom = Bom(components=components)
    bom.metadata.component = subject
    bom.register_dependency(subject, components)
    # The same content makes the same document: no clock and no chance goes in.
    known = json.dumps([str(subject.bom_ref), *sorted(str(item.bom_ref) for item in components)])
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_OID, known)
    content = json.loads(JsonV1Dot6(bom).output_as_string())
    del content["metadata"]["timestamp"]
    return json.dumps(content, indent=1, sort_keys=True).encode()
