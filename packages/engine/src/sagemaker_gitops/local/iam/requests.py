"""What a request to one of moto's services asks for: the operation and the parameters that IAM looks at."""

import json
from urllib.parse import unquote

import cbor2
from werkzeug.wrappers import Request

from sagemaker_gitops.local.iam.identity import Signature
from sagemaker_gitops.local.server import wire
from sagemaker_gitops.local.server.context import Document

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
        return wire.operation_name(request), document if isinstance(document, dict) else {}
    if request.headers.get("smithy-protocol"):
        document = cbor2.loads(request.get_data() or b"\xa0")
        return wire.operation_name(request), document if isinstance(document, dict) else {}
    return wire.operation_name(request), request.form.to_dict()


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
    return action, {"Bucket": bucket, "Key": key, **({"ObjectLockMode": mode} if mode else {})}


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
