"""S3 Object Lock: what nobody can take back. Moto keeps whatever retention it is given, also a shorter one.

Source: S3 User Guide, "Locking objects with Object Lock"; S3 API Reference, "PutObjectRetention".
"""

import datetime as dt
import xml.etree.ElementTree as ET

from werkzeug.wrappers import Request

from sagemaker_gitops.local.server.clients import Api
from sagemaker_gitops.local.server.context import Document, Refusal

_MODES = frozenset({"GOVERNANCE", "COMPLIANCE"})
_BYPASS = "x-amz-bypass-governance-retention"


def check_object_lock(services: Api, request: Request, operation: str, params: Document) -> None:
    """Refuse a retention that S3 refuses, and the end of versioning in a bucket with Object Lock."""
    if operation == "PutObjectRetention":
        _check_retention(services, request, params)
    elif operation == "PutObject":
        mode, until = (request.headers.get(f"x-amz-object-lock-{name}") for name in ("mode", "retain-until-date"))
        if mode or until:
            _check_new(mode, until)
    elif operation == "PutBucketVersioning" and _element(request, "Status") == "Suspended":
        _require_unlocked(services, params["Bucket"])


def _require_unlocked(services: Api, bucket: str) -> None:
    if services.find("s3", "get_object_lock_configuration", Bucket=bucket):
        message = "An Object Lock configuration is present on this bucket, so the versioning state cannot be changed."
        raise Refusal("InvalidBucketState", message, status=409)


def _check_retention(services: Api, request: Request, params: Document) -> None:
    mode, until = _element(request, "Mode"), _element(request, "RetainUntilDate")
    version = {"VersionId": request.args["versionId"]} if "versionId" in request.args else {}
    kept = services.find("s3", "head_object", Bucket=params["Bucket"], Key=params["Key"], **version) or {}
    old, before = kept.get("ObjectLockMode"), kept.get("ObjectLockRetainUntilDate")
    if mode or until:
        _check_new(mode, until)
    if before is None or before <= dt.datetime.now(dt.UTC):
        return
    shorter = until is None or _moment(until) < before
    bypassed = request.headers.get(_BYPASS, "").lower() == "true"
    if (mode != "COMPLIANCE" or shorter) if old == "COMPLIANCE" else (shorter and not bypassed):
        raise Refusal("AccessDenied", "Access Denied because object protected by object lock.", status=403)


def _check_new(mode: str | None, until: str | None) -> None:
    if not mode or not until:
        message = "x-amz-object-lock-retain-until-date and x-amz-object-lock-mode must both be supplied"
        raise Refusal("InvalidArgument", message)
    if mode not in _MODES:
        raise Refusal("InvalidArgument", "Unknown wormMode directive.")
    if _moment(until) <= dt.datetime.now(dt.UTC):
        raise Refusal("InvalidArgument", "The retain until date must be in the future!")


def _element(request: Request, name: str) -> str | None:
    try:
        document = ET.fromstring(request.get_data())  # noqa: S314 - the parser expands no external entity
    except ET.ParseError:
        return None
    found = document.find(f"{{*}}{name}")
    return found.text if found is not None else None


def _moment(text: str) -> dt.datetime:
    try:
        moment = dt.datetime.fromisoformat(text)
    except ValueError:
        raise Refusal("InvalidArgument", "The retain until date must be provided in ISO 8601 format") from None
    return moment if moment.tzinfo else moment.replace(tzinfo=dt.UTC)
