"""Feature Store's runtime: records of the online store, the latest event time wins."""

import datetime as dt
import time
from collections.abc import Callable

from pipeline.local.feature_groups import RECORD_KIND, FeatureGroups
from pipeline.local.place import Call, Document, Place
from pipeline.local.refusal import Refusal, unsupported
from pipeline.local.store import Store

_SECONDS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86_400, "Weeks": 604_800}


class FeatureRecords:
    """PutRecord, GetRecord, DeleteRecord, BatchGetRecord."""

    def __init__(self, store: Store, groups: FeatureGroups) -> None:
        self._store = store
        self._groups = groups

    def operations(self) -> dict[str, Callable[[Call], Document]]:
        """Return the operations implemented here."""
        return {
            "PutRecord": self.put,
            "GetRecord": self.get,
            "DeleteRecord": self.delete,
            "BatchGetRecord": self.batch_get,
        }

    def put(self, call: Call) -> Document:
        """PutRecord: an older event time than the stored one changes nothing."""
        if "OfflineStore" in call.params.get("TargetStores", []):
            raise unsupported("the offline store")
        group = self._group(call)
        values = _values(call.params["Record"])
        _check_record(group, values)
        identifier = values[group["RecordIdentifierFeatureName"]]
        moment = _event_time(values[group["EventTimeFeatureName"]])
        ttl = call.params.get("TtlDuration") or group["OnlineStoreConfig"].get("TtlDuration")
        record = {"Record": values, "Time": moment, "Expires": _expires(moment, ttl)}
        self._replace(call.place, _key(group, identifier), record)
        return {}

    def get(self, call: Call) -> Document:
        """GetRecord: no record is an answer without one."""
        group = self._group(call)
        found = self._read(call.place, group, call.params["RecordIdentifierValueAsString"])
        return {"Record": _shown(found, call.params.get("FeatureNames"))} if found else {}

    def delete(self, call: Call) -> Document:
        """DeleteRecord."""
        group = self._group(call)
        moment = _event_time(call.params["EventTime"])
        key = _key(group, call.params["RecordIdentifierValueAsString"])
        if call.params.get("DeletionMode") == "HardDelete":
            self._store.remove(call.place, RECORD_KIND, key)
        else:
            self._replace(call.place, key, {"Record": None, "Time": moment, "Expires": None})
        return {}

    def batch_get(self, call: Call) -> Document:
        """BatchGetRecord."""
        records = []
        for wanted in call.params["Identifiers"]:
            group = self._groups.find(call.place, wanted["FeatureGroupName"])
            for identifier in wanted["RecordIdentifiersValueAsString"]:
                if found := self._read(call.place, group, identifier):
                    shown = _shown(found, wanted.get("FeatureNames"))
                    name = wanted["FeatureGroupName"]
                    records.append(
                        {"FeatureGroupName": name, "RecordIdentifierValueAsString": identifier, "Record": shown}
                    )
        return {"Records": records, "Errors": [], "UnprocessedIdentifiers": []}

    def _group(self, call: Call) -> Document:
        return self._groups.find(call.place, call.params["FeatureGroupName"])

    def _replace(self, place: Place, key: str, record: Document) -> None:
        with self._store.lock:
            stored = self._store.find(place, RECORD_KIND, key)
            if stored is None or stored["Time"] <= record["Time"]:
                self._store.put(place, RECORD_KIND, key, record)

    def _read(self, place: Place, group: Document, identifier: str) -> dict[str, str] | None:
        stored = self._store.find(place, RECORD_KIND, _key(group, identifier))
        if stored is None or stored["Record"] is None:
            return None
        expired = stored["Expires"] is not None and stored["Expires"] <= time.time()
        return None if expired else dict(stored["Record"])


def _key(group: Document, identifier: str) -> str:
    return f"{group['FeatureGroupName']}/{identifier}"


def _values(record: list[Document]) -> dict[str, str]:
    return {feature["FeatureName"]: feature["ValueAsString"] for feature in record}


def _shown(record: dict[str, str], names: list[str] | None) -> list[Document]:
    return [{"FeatureName": k, "ValueAsString": v} for k, v in record.items() if names is None or k in names]


def _check_record(group: Document, values: dict[str, str]) -> None:
    types = {d["FeatureName"]: d["FeatureType"] for d in group["FeatureDefinitions"]}
    if unknown := sorted(set(values) - set(types)):
        raise _wrong(f"Validation Error: FeatureNames {unknown} are not part of the feature group")
    for name in (group["RecordIdentifierFeatureName"], group["EventTimeFeatureName"]):
        if not values.get(name):
            raise _wrong(f"Validation Error: feature {name} is required in a record")
    parsers: dict[str, Callable[[str], object]] = {"Integral": int, "Fractional": float, "String": str}
    for name, value in values.items():
        try:
            parsers[types[name]](value)
        except ValueError:
            raise _wrong(f"Validation Error: {name} is of type {types[name]}, and {value!r} is not") from None


def _event_time(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        pass
    try:
        return dt.datetime.fromisoformat(text).replace(tzinfo=dt.UTC).timestamp()
    except ValueError:
        raise _wrong(f"Validation Error: EventTime {text!r} is neither ISO-8601 nor seconds since the epoch") from None


def _expires(moment: float, ttl: Document | None) -> float | None:
    return moment + ttl["Value"] * _SECONDS[ttl["Unit"]] if ttl else None


def _wrong(message: str) -> Refusal:
    return Refusal("ValidationError", message)
