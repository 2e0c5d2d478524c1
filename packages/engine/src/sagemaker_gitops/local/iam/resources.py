"""Who owns a resource, the policy attached to it, and the KMS key that encrypts it."""

import json
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import cast

from sagemaker_gitops.local.iam.bucket_policies import KIND as BUCKET_POLICY
from sagemaker_gitops.local.iam.policy import Access, Policy
from sagemaker_gitops.local.iam.requests import PLACE_KIND
from sagemaker_gitops.local.sagemaker.model_package_groups import POLICY_KIND as GROUP_POLICY
from sagemaker_gitops.local.sagemaker.transfer import MANAGED_KEY
from sagemaker_gitops.local.server.clients import Api, Clients, api, parse_document
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.persistence import Store


class Resources:
    """Looks resources up across accounts."""

    def __init__(self, store: Store, clients: Clients) -> None:
        self._store = store
        self._clients = clients

    def owner(self, access: Access, caller: Place) -> Place:
        """Return the place that a resource belongs to."""
        if access.resource.startswith("arn:aws:s3:::"):
            return self._bucket_owner(_bucket(access), caller)
        return Place(account=access.account or caller.account, region=caller.region)

    def policy(self, access: Access, owner: Place) -> Policy | None:
        """Return a resource's own policy."""
        service = access.action.partition(":")[0]
        if service == "s3":
            found = self._store.find(owner, BUCKET_POLICY, _bucket(access))
            return _policy("bucket policy", json.loads(found["Policy"])) if found else None
        if service == "sts":
            return self._trust_policy(access, owner)
        if service == "kms":
            return self._key_policy(access, owner)
        if service == "ecr" and access.resource != "*":
            return self._repository_policy(access, owner)
        if ":model-package" in access.resource:
            group = access.resource.rpartition(":")[2].split("/")[1]
            found = self._store.find(owner, GROUP_POLICY, owner.arn("model-package-group", group))
            return _policy("group policy", json.loads(found["ResourcePolicy"])) if found else None
        return None

    def _bucket_owner(self, bucket: str, caller: Place) -> Place:
        places = [caller, *(place for place, _, _ in self._store.everywhere(PLACE_KIND) if place != caller)]
        for place in places:
            if bucket in {item["Name"] for item in self._clients.s3(place).list_buckets()["Buckets"]}:
                return place
        return caller

    def _key_policy(self, access: Access, owner: Place) -> Policy | None:
        key = access.resource.rpartition("/")[2]
        answer = api(self._clients, owner).find("kms", "get_key_policy", KeyId=key, PolicyName="default")
        return _policy("key policy", json.loads(answer["Policy"])) if answer else None

    def _trust_policy(self, access: Access, owner: Place) -> Policy | None:
        name = access.resource.rpartition("/")[2]
        answer = api(self._clients, owner).find("iam", "get_role", RoleName=name)
        known = answer["Role"] if answer and answer["Role"]["Arn"] == access.resource else None
        return _policy("trust policy", parse_document(known["AssumeRolePolicyDocument"])) if known else None

    def _repository_policy(self, access: Access, owner: Place) -> Policy | None:
        name = access.resource.partition(":repository/")[2]
        answer = api(self._clients, owner).find("ecr", "get_repository_policy", repositoryName=name)
        return _policy("repository policy", json.loads(answer["policyText"])) if answer else None


def _bucket(access: Access) -> str:
    return access.resource.removeprefix("arn:aws:s3:::").partition("/")[0]


def _policy(name: str, document: object) -> Policy:
    return Policy(name=name, document=cast("Document", document))


def described_key(services: Api, key: str) -> Access:
    """Describe a key as an access that does nothing yet: its ARN, and its aliases for conditions."""
    arn = str(services.call("kms", "describe_key", KeyId=key)["KeyMetadata"]["Arn"])
    aliases = services.call("kms", "list_aliases", KeyId=arn.rpartition("/")[2])["Aliases"]
    names = tuple(alias["AliasName"] for alias in aliases)
    return Access(action="", resource=arn, context={"kms:ResourceAliases": names})


_S3 = {
    "s3:GetObject": ("kms:Decrypt",),
    "s3:GetObjectVersion": ("kms:Decrypt",),
    # A large object is written in parts, and each next part reads the key that the first was given.
    "s3:PutObject": ("kms:GenerateDataKey", "kms:Decrypt"),
}

_REMEMBERED_SECONDS = 2.0
_RECORDS = frozenset(
    f"sagemaker:{operation}" for operation in ("BatchGetRecord", "DeleteRecord", "GetRecord", "PutRecord")
)


class Keys:
    """Finds the keys behind buckets and tables."""

    def __init__(self, clients: Clients) -> None:
        self._clients = clients
        self._online: dict[tuple[Place, str], tuple[float, Access | None]] = {}

    def needed(self, access: Access, owner: Place, caller: Place) -> Iterator[Access]:
        """Return what an access to data of `owner` needs beside itself.

        S3's own key of an account lets in every principal of that account, and nobody else.
        """
        service, place = access.action.partition(":")[0], owner
        if access.action in _S3:
            bucket = access.resource.removeprefix("arn:aws:s3:::").partition("/")[0]
            own = self._object_key(access, place)
            for action in _S3[access.action] if own is None else ():
                yield from self._use(action, place, service="s3", name=bucket)
            if own and (MANAGED_KEY not in own.context["kms:ResourceAliases"] or caller.account != place.account):
                via = {**own.context, "kms:ViaService": (f"s3.{place.region}.amazonaws.com",)}
                yield replace(own, action="kms:Decrypt", context=via)
        elif access.action in _RECORDS:
            # OnlineStoreSecurityConfig: the caller of every data plane operation needs kms:Decrypt on its key.
            if described := self._online_key(place, access.resource.rpartition("/")[2]):
                yield replace(described, action="kms:Decrypt")
        elif service == "dynamodb":
            yield from self._use("kms:Decrypt", place, service="dynamodb", name=access.resource.rpartition("/")[2])

    def _object_key(self, access: Access, place: Place) -> Access | None:
        """Describe the key that an object to be read was encrypted with, if not with its bucket's."""
        bucket, _, key = access.resource.removeprefix("arn:aws:s3:::").partition("/")
        if access.action == "s3:PutObject" or not key or "*" in key:
            return None
        found = api(self._clients, place).find("s3", "head_object", Bucket=bucket, Key=key)
        name = (found or {}).get("SSEKMSKeyId")
        return self._described(place, name) if name else None

    def _use(self, action: str, place: Place, *, service: str, name: str) -> Iterator[Access]:
        key = self._bucket_key(place, name) if service == "s3" else self._table_key(place, name)
        if key:
            described = self._described(place, key)
            context = {**described.context, "kms:ViaService": (f"{service}.{place.region}.amazonaws.com",)}
            yield Access(action=action, resource=described.resource, context=context)

    def _described(self, place: Place, key: str) -> Access:
        return described_key(api(self._clients, place), key)

    def _bucket_key(self, place: Place, bucket: str) -> str | None:
        answer = api(self._clients, place).find("s3", "get_bucket_encryption", Bucket=bucket)
        rules = (answer or {}).get("ServerSideEncryptionConfiguration", {}).get("Rules", [{}])
        found: str | None = rules[0].get("ApplyServerSideEncryptionByDefault", {}).get("KMSMasterKeyID")
        return found

    def _online_key(self, place: Place, group: str) -> Access | None:
        # Records come by the thousand, and a group keeps its key for life.
        seen, found = self._online.get((place, group), (-_REMEMBERED_SECONDS, None))
        if time.monotonic() - seen > _REMEMBERED_SECONDS:
            answer = api(self._clients, place).find("sagemaker", "describe_feature_group", FeatureGroupName=group)
            key = (answer or {}).get("OnlineStoreConfig", {}).get("SecurityConfig", {}).get("KmsKeyId")
            found = self._described(place, key) if key else None
            self._online[place, group] = (time.monotonic(), found)
        return found

    def _table_key(self, place: Place, table: str) -> str | None:
        answer = api(self._clients, place).find("dynamodb", "describe_table", TableName=table)
        found: str | None = (answer or {}).get("Table", {}).get("SSEDescription", {}).get("KMSMasterKeyArn")
        return found
