"""Build provenance: what GitHub signed about a model's bytes, read before it is kept with the model.

Who wants to trust a signature asks Sigstore: `gh attestation verify model.tar.gz --repo OWNER/NAME --bundle FILE`.
"""

import base64
import binascii
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sagemaker_gitops.errors import ArtifactCorrupt, ConfigurationError

_SLSA = "https://slsa.dev/provenance/"


@dataclass(frozen=True, kw_only=True)
class Provenance:
    """The bundle as GitHub wrote it, and the digest it is about."""

    content: bytes
    sha256: str


def read(bundle: Path, *, sha256: str) -> Provenance:
    """Read a bundle of actions/attest, and refuse one that is about other bytes than the model's."""
    try:
        content = bundle.read_bytes()
        digests = {digest for statement in _statements(content) for digest in _digests(statement)}
    except (OSError, KeyError, TypeError, ValueError, binascii.Error) as err:
        raise ConfigurationError(
            f"this is no bundle of attestations: {err}",
            where=str(bundle),
            next_step="give the bundle-path that actions/attest returned",
        ) from err
    if sha256 not in digests:
        raise ArtifactCorrupt(
            f"the provenance is about {', '.join(sorted(digests)) or 'nothing'}, but the model's sha256 is {sha256}",
            where=str(bundle),
            next_step="attest the digest that the test job judged, in the same run",
        )
    return Provenance(content=content, sha256=sha256)


def _statements(content: bytes) -> Iterator[dict[str, Any]]:
    """Take the in-toto statement out of each signed envelope: one bundle a line."""
    for line in content.decode().splitlines():
        statement = json.loads(base64.b64decode(json.loads(line)["dsseEnvelope"]["payload"], validate=True))
        if statement["predicateType"].startswith(_SLSA):
            yield statement


def _digests(statement: dict[str, Any]) -> Iterator[str]:
    for subject in statement["subject"]:
        yield subject["digest"]["sha256"]
