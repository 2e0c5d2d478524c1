"""A bucket's lifecycle rules, as CloudFormation and as S3 spell them."""

from sagemaker_gitops.local.cloudformation.kinds.kind import present
from sagemaker_gitops.local.server.context import Document
from sagemaker_gitops.local.server.refusal import unsupported

_KNOWN = frozenset(
    {
        "Id",
        "Status",
        "Prefix",
        "ExpirationInDays",
        "ExpiredObjectDeleteMarker",
        "AbortIncompleteMultipartUpload",
        "NoncurrentVersionExpiration",
        "Transitions",
    }
)


def to_api(rule: Document) -> Document:
    """Translate a rule for PutBucketLifecycleConfiguration."""
    if unknown := sorted(set(rule) - _KNOWN):
        raise unsupported(f"{', '.join(unknown)} of a lifecycle rule")
    expiration = {
        "Days": rule.get("ExpirationInDays"),
        "ExpiredObjectDeleteMarker": rule.get("ExpiredObjectDeleteMarker"),
    }
    multipart = rule.get("AbortIncompleteMultipartUpload")
    transitions = [
        {"Days": t["TransitionInDays"], "StorageClass": t["StorageClass"]} for t in rule.get("Transitions", [])
    ]
    return {
        "ID": rule["Id"],
        "Status": rule["Status"],
        "Filter": {"Prefix": rule.get("Prefix", "")},
        **present({"Expiration": present(expiration, *expiration)}, "Expiration"),
        **present({"AbortIncompleteMultipartUpload": multipart}, "AbortIncompleteMultipartUpload"),
        **present(rule, "NoncurrentVersionExpiration"),
        **present({"Transitions": transitions}, "Transitions"),
    }


def from_api(rule: Document) -> Document:
    """Translate a rule of GetBucketLifecycleConfiguration."""
    expiration = rule.get("Expiration", {})
    transitions = [
        {"TransitionInDays": t["Days"], "StorageClass": t["StorageClass"]} for t in rule.get("Transitions", [])
    ]
    found = {
        "Id": rule["ID"],
        "Status": rule["Status"],
        "Prefix": rule.get("Filter", {}).get("Prefix"),
        "ExpirationInDays": expiration.get("Days"),
        "ExpiredObjectDeleteMarker": expiration.get("ExpiredObjectDeleteMarker"),
        "AbortIncompleteMultipartUpload": rule.get("AbortIncompleteMultipartUpload"),
        "NoncurrentVersionExpiration": rule.get("NoncurrentVersionExpiration"),
        "Transitions": transitions,
    }
    return present(found, *found)
