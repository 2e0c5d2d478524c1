"""Who owns a resource, and the policy that hangs on it."""

import json
from typing import cast

from sagemaker_gitops.local.iam.access import Access
from sagemaker_gitops.local.iam.bucket_policies import KIND as BUCKET_POLICY
from sagemaker_gitops.local.iam.identity import PLACE_KIND
from sagemaker_gitops.local.iam.policy import Policy
from sagemaker_gitops.local.sagemaker.sharing import POLICY_KIND as GROUP_POLICY
from sagemaker_gitops.local.server.api import api
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.store import Store


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

    def _repository_policy(self, access: Access, owner: Place) -> Policy | None:
        name = access.resource.partition(":repository/")[2]
        answer = api(self._clients, owner).find("ecr", "get_repository_policy", repositoryName=name)
        return _policy("repository policy", json.loads(answer["policyText"])) if answer else None


def _bucket(access: Access) -> str:
    return access.resource.removeprefix("arn:aws:s3:::").partition("/")[0]


def _policy(name: str, document: object) -> Policy:
    return Policy(name=name, document=cast("Document", document))
