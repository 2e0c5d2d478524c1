"""S3: buckets, one property at a time, and bucket policies."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from sagemaker_gitops.local.cloudformation.kinds.kind import Kind, canonical, present, text
from sagemaker_gitops.local.server.clients import Api, parse_document
from sagemaker_gitops.local.server.context import Document, unsupported

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


def lifecycle_to_api(rule: Document) -> Document:
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


def lifecycle_from_api(rule: Document) -> Document:
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


_ENCRYPTION = "ServerSideEncryptionByDefault"


@dataclass(frozen=True, kw_only=True)
class Aspect:
    """One property of a bucket: the operations that set, read and clear it, and its two shapes."""

    put: str
    get: str
    clear: str
    parameter: str
    to_api: Callable[[Document], object]
    from_api: Callable[[Document], object]


def _same(name: str) -> Callable[[Document], object]:
    return lambda answer: answer.get(name)


ASPECTS: Mapping[str, Aspect] = {
    "OwnershipControls": Aspect(
        put="put_bucket_ownership_controls",
        get="get_bucket_ownership_controls",
        clear="delete_bucket_ownership_controls",
        parameter="OwnershipControls",
        to_api=dict,
        from_api=_same("OwnershipControls"),
    ),
    "PublicAccessBlockConfiguration": Aspect(
        put="put_public_access_block",
        get="get_public_access_block",
        clear="delete_public_access_block",
        parameter="PublicAccessBlockConfiguration",
        to_api=dict,
        from_api=_same("PublicAccessBlockConfiguration"),
    ),
    "VersioningConfiguration": Aspect(
        put="put_bucket_versioning",
        get="get_bucket_versioning",
        clear="",
        parameter="VersioningConfiguration",
        to_api=dict,
        from_api=lambda answer: present(answer, "Status"),
    ),
    "BucketEncryption": Aspect(
        put="put_bucket_encryption",
        get="get_bucket_encryption",
        clear="delete_bucket_encryption",
        parameter="ServerSideEncryptionConfiguration",
        to_api=lambda value: {
            "Rules": [
                {"ApplyServerSideEncryptionByDefault": rule[_ENCRYPTION], **present(rule, "BucketKeyEnabled")}
                for rule in value["ServerSideEncryptionConfiguration"]
            ]
        },
        from_api=lambda answer: {
            "ServerSideEncryptionConfiguration": [
                {
                    _ENCRYPTION: rule["ApplyServerSideEncryptionByDefault"],
                    **({"BucketKeyEnabled": True} if rule.get("BucketKeyEnabled") else {}),
                }
                for rule in answer["ServerSideEncryptionConfiguration"]["Rules"]
            ]
        },
    ),
    "ObjectLockConfiguration": Aspect(
        put="put_object_lock_configuration",
        get="get_object_lock_configuration",
        clear="",
        parameter="ObjectLockConfiguration",
        to_api=dict,
        from_api=lambda answer: _lock(answer["ObjectLockConfiguration"]),
    ),
    "LifecycleConfiguration": Aspect(
        put="put_bucket_lifecycle_configuration",
        get="get_bucket_lifecycle_configuration",
        clear="delete_bucket_lifecycle",
        parameter="LifecycleConfiguration",
        to_api=lambda value: {"Rules": [lifecycle_to_api(rule) for rule in value["Rules"]]},
        from_api=lambda answer: {"Rules": [lifecycle_from_api(rule) for rule in answer["Rules"]]},
    ),
    "LoggingConfiguration": Aspect(
        put="put_bucket_logging",
        get="get_bucket_logging",
        clear="",
        parameter="BucketLoggingStatus",
        to_api=lambda value: {
            "LoggingEnabled": {
                "TargetBucket": value["DestinationBucketName"],
                "TargetPrefix": value.get("LogFilePrefix", ""),
            }
        },
        from_api=lambda answer: _logging(answer.get("LoggingEnabled", {})),
    ),
    "NotificationConfiguration": Aspect(
        put="put_bucket_notification_configuration",
        get="get_bucket_notification_configuration",
        clear="",
        parameter="NotificationConfiguration",
        to_api=lambda value: {"EventBridgeConfiguration": {}} if value["EventBridgeConfiguration"] else {},
        from_api=lambda answer: (
            {"EventBridgeConfiguration": {"EventBridgeEnabled": True}} if "EventBridgeConfiguration" in answer else {}
        ),
    ),
    "Tags": Aspect(
        put="put_bucket_tagging",
        get="get_bucket_tagging",
        clear="delete_bucket_tagging",
        parameter="Tagging",
        to_api=lambda value: {"TagSet": value},
        from_api=_same("TagSet"),
    ),
}


class Bucket(Kind):
    """AWS::S3::Bucket."""

    type = "AWS::S3::Bucket"
    properties = frozenset({"BucketName", "ObjectLockEnabled", *ASPECTS})
    replacing = frozenset({"BucketName"})
    name = "BucketName"
    tagged = True

    def create(self, api: Api, properties: Document) -> str:
        """CreateBucket, then one call an aspect."""
        bucket = properties["BucketName"]
        place = {"LocationConstraint": api.place.region}
        api.call(
            "s3",
            "create_bucket",
            Bucket=bucket,
            ObjectLockEnabledForBucket=bool(properties.get("ObjectLockEnabled")),
            **({} if api.place.region == "us-east-1" else {"CreateBucketConfiguration": place}),
        )
        self.update(api, bucket, before={}, after=properties)
        return str(bucket)

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """Put what changed, clear what is declared no more."""
        for name, aspect in ASPECTS.items():
            if name in after and canonical(before.get(name)) != canonical(after[name]):
                parameters = {aspect.parameter: aspect.to_api(after[name])}
                api.call("s3", aspect.put, Bucket=identifier, **parameters)
            elif name in before and name not in after and aspect.clear:
                api.call("s3", aspect.clear, Bucket=identifier)

    def read(self, api: Api, identifier: str) -> Document | None:
        """Ask for each aspect."""
        if api.find("s3", "head_bucket", Bucket=identifier) is None:
            return None
        found: Document = {"BucketName": identifier}
        for name, aspect in ASPECTS.items():
            answer = api.find("s3", aspect.get, Bucket=identifier)
            if answer is not None and (value := aspect.from_api(answer)):
                found[name] = value
        found["ObjectLockEnabled"] = "ObjectLockConfiguration" in found
        return found

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteBucket, which refuses a bucket that is not empty."""
        api.call("s3", "delete_bucket", Bucket=identifier)

    def attributes(self, api: Api, identifier: str) -> Mapping[str, str]:
        """Return the bucket's ARN and host names."""
        host = f"{identifier}.s3.{api.place.region}.amazonaws.com"
        return {"Arn": f"arn:aws:s3:::{identifier}", "RegionalDomainName": host}

    def find(self, api: Api, properties: Document) -> str | None:
        """Find the caller's own bucket; a name is taken by whichever account had it first."""
        wanted = properties["BucketName"]
        own = {bucket["Name"] for bucket in api.call("s3", "list_buckets")["Buckets"]}
        return wanted if wanted in own else None


class BucketPolicy(Kind):
    """AWS::S3::BucketPolicy."""

    type = "AWS::S3::BucketPolicy"
    properties = frozenset({"Bucket", "PolicyDocument"})
    replacing = frozenset({"Bucket"})

    def create(self, api: Api, properties: Document) -> str:
        """PutBucketPolicy."""
        self.update(api, properties["Bucket"], before={}, after=properties)
        return str(properties["Bucket"])

    def update(self, api: Api, identifier: str, *, before: Document, after: Document) -> None:
        """PutBucketPolicy."""
        api.call("s3", "put_bucket_policy", Bucket=identifier, Policy=text(after["PolicyDocument"]))

    def read(self, api: Api, identifier: str) -> Document | None:
        """GetBucketPolicy."""
        answer = api.find("s3", "get_bucket_policy", Bucket=identifier)
        return None if answer is None else {"Bucket": identifier, "PolicyDocument": parse_document(answer["Policy"])}

    def delete(self, api: Api, identifier: str) -> None:
        """DeleteBucketPolicy."""
        api.call("s3", "delete_bucket_policy", Bucket=identifier)


def _lock(configuration: Document) -> Document:
    retention = configuration.get("Rule", {}).get("DefaultRetention", {})
    period = {key: value for key, value in retention.items() if value}
    return {**present(configuration, "ObjectLockEnabled"), **({"Rule": {"DefaultRetention": period}} if period else {})}


def _logging(enabled: Document) -> Document:
    found = {"DestinationBucketName": enabled.get("TargetBucket"), "LogFilePrefix": enabled.get("TargetPrefix")}
    return present(found, *found)
