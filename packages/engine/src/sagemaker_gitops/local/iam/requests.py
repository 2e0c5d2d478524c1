"""Who signed a request, and which IAM action with which parameters it asks for."""

import functools
import json
import xml.etree.ElementTree as ET
from typing import TYPE_CHECKING
from urllib.parse import unquote

import cbor2
from werkzeug.test import Client, EnvironBuilder
from werkzeug.wrappers import Request

from sagemaker_gitops.local.server import protocols
from sagemaker_gitops.local.server.clients import ACCOUNT_HEADER
from sagemaker_gitops.local.server.context import Caller, Document, Place
from sagemaker_gitops.local.server.persistence import Store
from sagemaker_gitops.local.server.protocols import DEFAULT_REGION, Signature, signature

if TYPE_CHECKING:
    from _typeshed.wsgi import WSGIApplication

PLACE_KIND = "place"
"""Where something was called: the alarms of these places are evaluated."""

# What moto's STS says of a key that its IAM did not issue.
_UNKNOWN = ":user/moto"
_STS = "{https://sts.amazonaws.com/doc/2011-06-15/}"


class Identity:
    """Asks the STS behind the embedded AWS who holds an access key. Signatures are not verified, as in moto."""

    def __init__(self, sts: "WSGIApplication", store: Store, default_account: str) -> None:
        self._client = Client(sts)
        self._default_account = default_account
        self._store = store
        self._whose = functools.lru_cache(maxsize=1024)(self._ask)

    def caller(self, request: Request) -> Caller:
        """Return who signed a request."""
        signed = signature(request)
        account, arn = self._whose(signed.access_key, request.headers.get(ACCOUNT_HEADER, ""))
        place = Place(account=account, region=signed.region)
        if self._store.find(place, PLACE_KIND, "") is None:
            self._store.put(place, PLACE_KIND, "", {})
        return Caller(place=place, arn=arn)

    def _ask(self, access_key: str, account: str) -> tuple[str, str]:
        found, arn = self._identified(access_key, account)
        if account or not arn.endswith(_UNKNOWN):
            return found, arn
        return self._default_account, f"arn:aws:sts::{self._default_account}{_UNKNOWN}"

    def _identified(self, access_key: str, account: str) -> tuple[str, str]:
        scope = f"{access_key or 'anonymous'}/20200101/{DEFAULT_REGION}/sts/aws4_request"
        headers = [("Authorization", f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders=host, Signature=0")]
        if account:
            headers.append((ACCOUNT_HEADER, account))
        form = {"Action": "GetCallerIdentity", "Version": "2011-06-15"}
        builder = EnvironBuilder(path="/", method="POST", data=form, headers=headers)
        answer = ET.fromstring(self._client.open(builder).get_data())  # noqa: S314 - moto's own answer
        return _text(answer, "Account"), _text(answer, "Arn")


def _text(answer: ET.Element, name: str) -> str:
    found = answer.find(f".//{_STS}{name}")
    return (found.text or "") if found is not None else ""


_OBJECT = {"GET": "GetObject", "HEAD": "GetObject", "PUT": "PutObject", "POST": "PutObject", "DELETE": "DeleteObject"}
_VERSIONED = frozenset({"GetObject", "DeleteObject"})
# Sub-resources of an object whose action is not the object's own.
_PARTS = {"retention": "ObjectRetention", "tagging": "ObjectTagging", "legal-hold": "ObjectLegalHold"}
_VERBS = {"GET": "Get", "PUT": "Put", "DELETE": "Delete"}
# Sub-resources of a bucket: the action is the verb and this.
_BUCKET = {
    "policy": "BucketPolicy",
    "versioning": "BucketVersioning",
    "encryption": "EncryptionConfiguration",
    "lifecycle": "LifecycleConfiguration",
    "object-lock": "BucketObjectLockConfiguration",
    "publicAccessBlock": "BucketPublicAccessBlock",
    "logging": "BucketLogging",
    "tagging": "BucketTagging",
    "notification": "BucketNotification",
    "ownershipControls": "BucketOwnershipControls",
}


def asked(request: Request, signed: Signature) -> tuple[str, Document]:
    """Return the action's name and its parameters."""
    if signed.service == "s3":
        return _s3(request)
    if "X-Amz-Target" in request.headers:
        document = json.loads(request.get_data() or b"{}")
        return protocols.operation_name(request), document if isinstance(document, dict) else {}
    if request.headers.get("smithy-protocol"):
        document = cbor2.loads(request.get_data() or b"\xa0")
        return protocols.operation_name(request), document if isinstance(document, dict) else {}
    return protocols.operation_name(request), request.form.to_dict()


def _s3(request: Request) -> tuple[str, Document]:
    bucket, _, key = unquote(request.path.lstrip("/")).partition("/")
    if not bucket:
        return "ListAllMyBuckets", {"Bucket": "*"}
    return _object(request, bucket, key) if key else (_bucket(request), {"Bucket": bucket, **_listing(request)})


def _object(request: Request, bucket: str, key: str) -> tuple[str, Document]:
    part = next((name for name in _PARTS if name in request.args), None)
    action = f"{_VERBS[request.method]}{_PARTS[part]}" if part else _OBJECT[request.method]
    if "versionId" in request.args and action in _VERSIONED:
        action += "Version"
    mode = request.headers.get("x-amz-object-lock-mode")
    bypass = request.headers.get("x-amz-bypass-governance-retention", "").lower() == "true"
    more = {**({"ObjectLockMode": mode} if mode else {}), **({"BypassGovernanceRetention": True} if bypass else {})}
    return action, {"Bucket": bucket, "Key": key, **more}


def _bucket(request: Request) -> str:
    if "versions" in request.args:
        return "ListBucketVersions"
    for name, what in _BUCKET.items():
        if name in request.args:
            return f"{_VERBS[request.method]}{what}"
    if "delete" in request.args:
        return "DeleteObject"
    return {"PUT": "CreateBucket", "DELETE": "DeleteBucket"}.get(request.method, "ListBucket")


def _listing(request: Request) -> Document:
    prefix = request.args.get("prefix")
    return {"Prefix": prefix} if prefix else {}
