"""Model package groups, and their resource policies, which share them with other accounts."""

import json
from collections.abc import Callable

import regex

from sagemaker_gitops.local.iam.policy import CrossAccountAccess, allows_other_account
from sagemaker_gitops.local.sagemaker.listing import Listing, Tags
from sagemaker_gitops.local.server.context import Call, Caller, Document, Place, Refusal, conflict, invalid, now
from sagemaker_gitops.local.server.persistence import Store

POLICY_KIND = "model-package-group-policy"

_ARN = regex.compile(
    r"arn:aws:sagemaker:(?P<region>[^:]+):(?P<account>\d{12}):model-package(?:-group)?/(?P<group>[^/]+)(?:/\d+)?"
)


def home_of(arn_or_name: str, default: Place) -> Place:
    """Return where a group or a version lives; a bare name lives where the caller is."""
    found = _ARN.fullmatch(arn_or_name)
    return Place(account=found["account"], region=found["region"]) if found else default


class Sharing:
    """Decides who may use the groups and versions of which account."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def owner(self, caller: Caller, arn_or_name: str, action: str) -> Place:
        """Return where a group or version lives; refuse a caller whom its policy does not let in."""
        place = home_of(arn_or_name, caller.place)
        if place.account != caller.place.account and not self._allowed(place, caller, arn_or_name, action):
            raise Refusal(
                "AccessDeniedException",
                f"User: {caller.arn} is not authorized to perform: sagemaker:{action} on resource: {arn_or_name} "
                f"because no resource-based policy allows the sagemaker:{action} action",
            )
        return place

    def _allowed(self, place: Place, caller: Caller, arn: str, action: str) -> bool:
        found = _ARN.fullmatch(arn)
        group = place.arn("model-package-group", found["group"]) if found else ""
        stored = self._store.find(place, POLICY_KIND, group)
        # Listing is granted on the versions, asked for with the group.
        resource = (
            arn.replace(":model-package-group/", ":model-package/") + "/*" if action == "ListModelPackages" else arn
        )
        access = CrossAccountAccess(caller=caller, action=f"sagemaker:{action}", resource=resource)
        return stored is not None and allows_other_account(json.loads(stored["ResourcePolicy"]), access)


KIND = "model-package-group"
PACKAGE_KIND = "model-package"
_LISTING = Listing(result="ModelPackageGroupSummaryList", name="ModelPackageGroupName", descending=False)


class ModelPackageGroups:
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


class GroupPolicies:
    """The operations on a model package group's resource policy."""

    def __init__(self, store: Store, groups: ModelPackageGroups) -> None:
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
        self._store.put(call.place, POLICY_KIND, arn, {"ResourcePolicy": call.params["ResourcePolicy"]})
        return {"ModelPackageGroupArn": arn}

    def get(self, call: Call) -> Document:
        """GetModelPackageGroupPolicy."""
        arn = self._arn(call)
        if found := self._store.find(call.place, POLICY_KIND, arn):
            return found
        raise invalid(f"Cannot find resource policy for: {arn}")

    def delete(self, call: Call) -> Document:
        """DeleteModelPackageGroupPolicy."""
        self._store.remove(call.place, POLICY_KIND, self._arn(call))
        return {}

    def _arn(self, call: Call) -> str:
        return str(self._groups.find(call.place, call.params["ModelPackageGroupName"])["ModelPackageGroupArn"])
