"""Who outside its account may see a model package group: the group's resource policy."""

import json
from collections.abc import Callable

from sagemaker_gitops.local.sagemaker.groups import Groups
from sagemaker_gitops.local.sagemaker.sharing import POLICY_KIND as KIND
from sagemaker_gitops.local.server.context import Call, Document
from sagemaker_gitops.local.server.refusal import invalid
from sagemaker_gitops.local.server.store import Store


class GroupPolicies:
    """The operations on a model package group's resource policy."""

    def __init__(self, store: Store, groups: Groups) -> None:
        self._store = store
        self._groups = groups

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "PutModelPackageGroupPolicy": self.put,
            "GetModelPackageGroupPolicy": self.get,
            "DeleteModelPackageGroupPolicy": self.delete,
        }

    def put(self, call: Call) -> Document:
        """PutModelPackageGroupPolicy."""
        arn = self._arn(call)
        try:
            json.loads(call.params["ResourcePolicy"])
        except ValueError:
            raise invalid("Invalid resource policy: it is not valid JSON.") from None
        self._store.put(call.place, KIND, arn, {"ResourcePolicy": call.params["ResourcePolicy"]})
        return {"ModelPackageGroupArn": arn}

    def get(self, call: Call) -> Document:
        """GetModelPackageGroupPolicy."""
        arn = self._arn(call)
        if found := self._store.find(call.place, KIND, arn):
            return found
        raise invalid(f"Cannot find resource policy for: {arn}")

    def delete(self, call: Call) -> Document:
        """DeleteModelPackageGroupPolicy."""
        self._store.remove(call.place, KIND, self._arn(call))
        return {}

    def _arn(self, call: Call) -> str:
        return str(self._groups.find(call.place, call.params["ModelPackageGroupName"])["ModelPackageGroupArn"])
