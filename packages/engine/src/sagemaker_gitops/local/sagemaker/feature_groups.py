"""Feature groups with an online store, an offline store, or both."""

from collections.abc import Callable

from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.iam.policy import Access
from sagemaker_gitops.local.sagemaker.listing import Listing, Tags
from sagemaker_gitops.local.sagemaker.transfer import split_uri
from sagemaker_gitops.local.server.context import Call, Document, Place, Refusal, in_use, now, unsupported
from sagemaker_gitops.local.server.service import SharedState

KIND = "feature-group"
RECORD_KIND = "feature-record"
_CREATING_SECONDS = 20
# Feature Store adds these to every record of the offline store.
_RESERVED = frozenset({"is_deleted", "write_time", "api_invocation_time"})
_LISTING = Listing(result="FeatureGroupSummaries", name="FeatureGroupName", status="FeatureGroupStatus")


class FeatureGroups:
    """The feature group operations."""

    def __init__(self, shared: SharedState, tags: Tags, roles: Roles) -> None:
        self._roles = roles
        self._store = shared.store
        self._clock = shared.clock
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
        offline = {"OfflineStoreStatus": {"Status": "Active"}} if "OfflineStoreConfig" in group else {}
        return {**group, **offline, "FeatureGroupStatus": "Created" if ready else "Creating"}

    def create(self, call: Call) -> Document:
        """CreateFeatureGroup."""
        place, params = call.place, call.params
        name, arn = params["FeatureGroupName"], place.arn(KIND, params["FeatureGroupName"])
        _check_definitions(params)
        _check_online(params)
        created = now()
        if "OfflineStoreConfig" in params:
            params["OfflineStoreConfig"] = self._offline(place, params, created)
        with self._store.lock:
            if self._store.find(place, KIND, name):
                raise in_use(f"Resource Already Exists: FeatureGroup with name {name} already exists")
            self._tags.put(place, arn, params.pop("Tags", []))
            self._store.put(place, KIND, name, {**params, "FeatureGroupArn": arn, "CreationTime": created})
        return {"FeatureGroupArn": arn}

    def _offline(self, place: Place, params: Document, created: float) -> Document:
        """Return an offline store's configuration as the service resolves it; its role must reach the bucket."""
        config, role = params["OfflineStoreConfig"], params.get("RoleArn")
        if not config.get("DisableGlueTableCreation") or "DataCatalogConfig" in config:
            raise unsupported("Glue tables of the offline store: set DisableGlueTableCreation")
        if config.get("TableFormat") == "Iceberg":
            raise _wrong("The Iceberg table format is only supported when DisableGlueTableCreation is False.")
        if role is None:
            raise _wrong("RoleArn is required when an offline store is configured.")
        self._roles.require(place, role)
        storage = config["S3StorageConfig"]
        bucket, prefix = split_uri(storage["S3Uri"].rstrip("/"))
        self._roles.act(place, role, [Access(action="s3:GetBucketAcl", resource=f"arn:aws:s3:::{bucket}")])
        where = f"{place.account}/sagemaker/{place.region}/offline-store/{params['FeatureGroupName']}-{int(created)}"
        resolved = "/".join(part for part in (f"s3://{bucket}", prefix, where, "data") if part)
        return {**config, "S3StorageConfig": {**storage, "ResolvedOutputS3Uri": resolved}}

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
            raise _wrong(f"{role} {params[role]} is not among the FeatureDefinitions.")
    if len(set(names)) != len(names):
        raise _wrong("Feature names must be unique.")
    if reserved := sorted(_RESERVED & set(names)):
        raise _wrong(f"Feature names are reserved: {', '.join(reserved)}.")
    types = {item["FeatureName"]: item["FeatureType"] for item in params["FeatureDefinitions"]}
    if types[params["EventTimeFeatureName"]] == "Integral":
        raise _wrong("The event time feature must be of type String or Fractional.")
    if any("CollectionType" in item for item in params["FeatureDefinitions"]):
        raise unsupported("collections as features")


def _check_online(params: Document) -> None:
    online = params.get("OnlineStoreConfig", {})
    if not online.get("EnableOnlineStore") and "OfflineStoreConfig" not in params:
        raise _wrong("You must include at least one of OnlineStoreConfig and OfflineStoreConfig.")
    if online.get("StorageType", "Standard") != "Standard":
        raise unsupported(f"the storage type {online['StorageType']}")


def _wrong(message: str) -> Refusal:
    return Refusal("ValidationException", message)
