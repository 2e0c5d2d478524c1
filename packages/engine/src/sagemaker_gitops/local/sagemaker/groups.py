"""Model package groups."""

from collections.abc import Callable

from sagemaker_gitops.local.sagemaker.listing import Listing
from sagemaker_gitops.local.sagemaker.sharing import Sharing
from sagemaker_gitops.local.sagemaker.tags import Tags
from sagemaker_gitops.local.server.clock import now
from sagemaker_gitops.local.server.context import Call, Document, Place
from sagemaker_gitops.local.server.refusal import conflict, invalid
from sagemaker_gitops.local.server.store import Store

KIND = "model-package-group"
PACKAGE_KIND = "model-package"
_LISTING = Listing(result="ModelPackageGroupSummaryList", name="ModelPackageGroupName", descending=False)


class Groups:
    """The model package group operations."""

    def __init__(self, store: Store, sharing: Sharing, tags: Tags) -> None:
        self._store = store
        self._sharing = sharing
        self._tags = tags

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "CreateModelPackageGroup": self.create,
            "DescribeModelPackageGroup": self.describe,
            "ListModelPackageGroups": self.list,
            "DeleteModelPackageGroup": self.delete,
        }

    def find(self, place: Place, name_or_arn: str) -> Document:
        """Return a group by name or ARN."""
        name = name_or_arn.rsplit("/", 1)[-1]
        group = self._store.find(place, KIND, name)
        if group is None:
            raise invalid(f"ModelPackageGroup {place.arn(KIND, name)} does not exist.")
        return group

    def next_version(self, place: Place, name: str) -> int:
        """Return the next version number of a group; a number is never given twice."""
        with self._store.lock:
            version = int(self.find(place, name).get("LastVersion", 0)) + 1
            self._store.change(place, KIND, name, LastVersion=version)
            return version

    def create(self, call: Call) -> Document:
        """CreateModelPackageGroup."""
        name = call.params["ModelPackageGroupName"]
        arn = call.place.arn(KIND, name)
        with self._store.lock:
            if self._store.find(call.place, KIND, name):
                raise invalid(f"Model Package Group already exists: {arn}")
            self._tags.put(call.place, arn, call.params.pop("Tags", []))
            fields = {
                "ModelPackageGroupArn": arn,
                "ModelPackageGroupStatus": "Completed",
                "CreationTime": now(),
                "CreatedBy": {},
            }
            self._store.put(call.place, KIND, name, {**call.params, **fields})
        return {"ModelPackageGroupArn": arn}

    def describe(self, call: Call) -> Document:
        """DescribeModelPackageGroup."""
        name = call.params["ModelPackageGroupName"]
        return self.find(self._sharing.owner(call.caller, name, "DescribeModelPackageGroup"), name)

    def list(self, call: Call) -> Document:
        """ListModelPackageGroups."""
        return _LISTING.page(self._store.all(call.place, KIND), call.params)

    def delete(self, call: Call) -> Document:
        """DeleteModelPackageGroup."""
        group = self.find(call.place, call.params["ModelPackageGroupName"])
        name, arn = group["ModelPackageGroupName"], group["ModelPackageGroupArn"]
        versions = self._store.all(call.place, PACKAGE_KIND)
        if any(v.get("ModelPackageGroupName") == name for v in versions):
            raise conflict(f"ModelPackageGroup {arn} still contains ModelPackages.")
        self._store.remove(call.place, KIND, name)
        self._tags.forget(call.place, arn)
        return {}
