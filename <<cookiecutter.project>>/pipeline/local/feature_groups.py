"""Feature groups with an online store."""

from collections.abc import Callable

from pipeline.local.clock import now
from pipeline.local.foundation import Foundation
from pipeline.local.listing import Listing
from pipeline.local.place import Call, Document, Place
from pipeline.local.refusal import Refusal, in_use, unsupported
from pipeline.local.tags import Tags

KIND = "feature-group"
RECORD_KIND = "feature-record"
_CREATING_SECONDS = 20
_LISTING = Listing(result="FeatureGroupSummaries", name="FeatureGroupName", status="FeatureGroupStatus")


class FeatureGroups:
    """The feature group operations."""

    def __init__(self, foundation: Foundation, tags: Tags) -> None:
        self._store = foundation.store
        self._clock = foundation.clock
        self._tags = tags

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "CreateFeatureGroup": self.create,
            "DescribeFeatureGroup": self.describe,
            "ListFeatureGroups": self.list,
            "DeleteFeatureGroup": self.delete,
        }

    def find(self, place: Place, name_or_arn: str) -> Document:
        """Return a feature group by name or ARN."""
        name = name_or_arn.rsplit("/", 1)[-1]
        group = self._store.find(place, KIND, name)
        if group is None:
            raise Refusal("ResourceNotFound", f"Feature Group with name {name} does not exist", status=404)
        ready = now() - group["CreationTime"] >= self._clock.real(_CREATING_SECONDS)
        return {**group, "FeatureGroupStatus": "Created" if ready else "Creating"}

    def create(self, call: Call) -> Document:
        """CreateFeatureGroup."""
        place, params = call.place, call.params
        name, arn = params["FeatureGroupName"], place.arn(KIND, params["FeatureGroupName"])
        if "OfflineStoreConfig" in params:
            raise unsupported("OfflineStoreConfig of CreateFeatureGroup")
        if not params.get("OnlineStoreConfig", {}).get("EnableOnlineStore"):
            raise unsupported("feature groups without an online store")
        _check_definitions(params)
        with self._store.lock:
            if self._store.find(place, KIND, name):
                raise in_use(f"Resource Already Exists: FeatureGroup with name {name} already exists")
            self._tags.put(place, arn, params.pop("Tags", []))
            self._store.put(place, KIND, name, {**params, "FeatureGroupArn": arn, "CreationTime": now()})
        return {"FeatureGroupArn": arn}

    def describe(self, call: Call) -> Document:
        """DescribeFeatureGroup."""
        return {**self.find(call.place, call.params["FeatureGroupName"]), "NextToken": ""}

    def list(self, call: Call) -> Document:
        """ListFeatureGroups."""
        names = [group["FeatureGroupName"] for group in self._store.all(call.place, KIND)]
        return _LISTING.page([self.find(call.place, name) for name in names], call.params)

    def delete(self, call: Call) -> Document:
        """DeleteFeatureGroup, its records included."""
        group = self.find(call.place, call.params["FeatureGroupName"])
        name = group["FeatureGroupName"]
        for place, key, _ in self._store.everywhere(RECORD_KIND):
            if place == call.place and key.startswith(f"{name}/"):
                self._store.remove(place, RECORD_KIND, key)
        self._store.remove(call.place, KIND, name)
        self._tags.forget(call.place, group["FeatureGroupArn"])
        return {}


def _check_definitions(params: Document) -> None:
    names = [definition["FeatureName"] for definition in params["FeatureDefinitions"]]
    for role in ("RecordIdentifierFeatureName", "EventTimeFeatureName"):
        if params[role] not in names:
            raise Refusal("ValidationException", f"{role} {params[role]} is not among the FeatureDefinitions.")
    if len(set(names)) != len(names):
        raise Refusal("ValidationException", "Feature names must be unique.")
