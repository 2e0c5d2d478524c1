"""Web identities: a token is verified with its issuer's keys, and a role's trust policy decides on its claims.

The local AWS reaches no host outside this machine: `local stand-in` names a server on it for the issuer's host.
Sources: STS API Reference, "AssumeRoleWithWebIdentity"; IAM User Guide, "Available keys for AWS OIDC federation".
"""

import base64
import json
import time
from collections.abc import Callable
from typing import cast

import urllib3
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers
from cryptography.hazmat.primitives.hashes import SHA256

from sagemaker_gitops.local.iam.policy import Access, Policy, Principal, judge_resource
from sagemaker_gitops.local.server.clients import Api, parse_document
from sagemaker_gitops.local.server.context import Document, Refusal

ACTION = "sts:AssumeRoleWithWebIdentity"
_TIMEOUT_SECONDS = 5


def require_web_identity(services: Api, params: Document, stand_in: Callable[[str], str | None]) -> None:
    """Refuse a token whose issuer the role's account does not know, that is forged, or that the role does not trust."""
    head, claims = _read(params["WebIdentityToken"])
    host = str(claims.get("iss")).removeprefix("https://")
    provider = f"arn:aws:iam::{services.place.account}:oidc-provider/{host}"
    known = services.find("iam", "get_open_id_connect_provider", OpenIDConnectProviderArn=provider)
    if known is None:
        raise _invalid(f"No OpenIDConnect provider found in your account for {claims.get('iss')}")
    _verify(params["WebIdentityToken"], _key(host, head, stand_in))
    if float(claims["exp"]) < time.time():
        raise Refusal("ExpiredTokenException", "Token expired")
    if claims.get("aud") not in known["ClientIDList"]:
        raise _invalid("Incorrect token audience")
    role = services.find("iam", "get_role", RoleName=params["RoleArn"].rpartition("/")[2])
    context = {f"{host}:{name}": (str(value),) for name, value in claims.items()}
    asked = Access(action=ACTION, resource=params["RoleArn"], context=context)
    trust = _trust(role) if role else Policy(name="trust policy", document={})
    if judge_resource(trust, asked, Principal(arn=provider, account="")) != "allowed":
        raise Refusal("AccessDenied", f"Not authorized to perform {ACTION}", status=403)


def _trust(role: Document) -> Policy:
    document = cast("Document", parse_document(role["Role"]["AssumeRolePolicyDocument"]))
    return Policy(name="trust policy", document=document)


def _read(token: str) -> tuple[Document, Document]:
    try:
        head, claims, _ = (_decoded(part) for part in token.split("."))
        return json.loads(head), json.loads(claims)
    except ValueError:
        raise _invalid("The ID Token provided is not a valid JWT") from None


def _key(host: str, head: Document, stand_in: Callable[[str], str | None]) -> Document:
    """Ask the issuer for its keys, as OpenID Connect Discovery has it."""
    if (url := stand_in(host)) is None:
        hint = f"pipeline local stand-in {host} http://127.0.0.1:PORT"
        raise _invalid(f"Couldn't retrieve verification key from your identity provider: give it a stand-in: {hint}")
    found = _get(f"{url}/.well-known/openid-configuration")["jwks_uri"].removeprefix(f"https://{host}")
    keys = [key for key in _get(url + found)["keys"] if key.get("kid") == head.get("kid")]
    if head.get("alg") != "RS256" or not keys:
        raise _invalid("The token's key is none of the identity provider's")
    return cast("Document", keys[0])


def _get(url: str) -> Document:
    try:
        return cast("Document", urllib3.request("GET", url, timeout=_TIMEOUT_SECONDS, retries=False).json())
    except (urllib3.exceptions.HTTPError, ValueError) as problem:
        raise _invalid(f"Couldn't retrieve verification key from your identity provider: {problem}") from problem


def _verify(token: str, key: Document) -> None:
    signed, _, signature = token.rpartition(".")
    modulus, exponent = (int.from_bytes(_decoded(key[name])) for name in ("n", "e"))
    try:
        public = RSAPublicNumbers(exponent, modulus).public_key()
        public.verify(_decoded(signature), signed.encode(), PKCS1v15(), SHA256())
    except InvalidSignature:
        raise _invalid("The token's signature is invalid") from None


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _invalid(message: str) -> Refusal:
    return Refusal("InvalidIdentityToken", message)
