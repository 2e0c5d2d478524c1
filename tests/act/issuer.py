"""GitHub's token issuer, on this machine: signed tokens with the claims of the job that asks."""

import time
import uuid
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlparse

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa
from jwt.algorithms import RSAAlgorithm
from tests.act.loopback import Answer, Request

ISSUER = "https://token.actions.githubusercontent.com"
OWNER_ID, REPOSITORY_ID = "456", "789"
KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
# What the embedded STS verifies tokens with.
_DISCOVERY: dict[str, Any] = {
    "/.well-known/openid-configuration": {"issuer": ISSUER, "jwks_uri": f"{ISSUER}/.well-known/jwks"},
    "/.well-known/jwks": {"keys": [RSAAlgorithm.to_jwk(KEY.public_key(), as_dict=True)]},
}

Claims = dict[str, Any]


@dataclass(kw_only=True)
class Issuer:
    """Issues tokens to jobs of one repository, and remembers them."""

    repository: str
    immutable: bool = True
    audience: str | None = None
    issued: list[Claims] = field(default_factory=list)

    def answer(self, request: Request) -> Answer:
        """Answer a job's request for a token, and STS's for the keys."""
        if request.path.startswith("/.well-known/"):
            return Answer.json(_DISCOVERY[request.path])
        asked = dict(parse_qsl(urlparse(request.path).query, keep_blank_values=True))
        claims = self._claims(asked)
        self.issued.append(claims)
        return Answer.json({"value": jwt.encode(claims, KEY, "RS256")})

    def _claims(self, asked: dict[str, str]) -> Claims:
        now = int(time.time())
        return {
            "iss": ISSUER,
            "aud": self.audience or asked["audience"],
            "sub": self._subject(asked),
            "repository": self.repository,
            "repository_id": REPOSITORY_ID,
            "repository_owner_id": OWNER_ID,
            "ref": asked["ref"],
            "environment": asked["environment"],
            "job_workflow_ref": f"{self.repository}/.github/workflows/{asked['workflow']}@{asked['ref']}",
            "iat": now,
            "exp": now + 300,
            "jti": str(uuid.uuid4()),
        }

    def _subject(self, asked: dict[str, str]) -> str:
        owner, name = self.repository.split("/")
        # Repositories made since July 2026 carry the numeric ids; older ones do not.
        whose = f"repo:{owner}@{OWNER_ID}/{name}@{REPOSITORY_ID}" if self.immutable else f"repo:{self.repository}"
        if asked["environment"]:
            return f"{whose}:environment:{asked['environment']}"
        return f"{whose}:pull_request" if asked["event"] == "pull_request" else f"{whose}:ref:{asked['ref']}"
