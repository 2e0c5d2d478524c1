"""Feature Store's runtime: the online store keeps the latest event time, the offline store every record.

Source: developer guide, "Feature Store offline store data format": a folder for each hour of event time, and
three more columns.
"""

import datetime as dt
import io
import logging
import secrets
import string
import threading
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import regex
from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.iam.execution_roles import Roles
from sagemaker_gitops.local.iam.policy import Access
from sagemaker_gitops.local.sagemaker.feature_groups import RECORD_KIND, FeatureGroups
from sagemaker_gitops.local.sagemaker.transfer import split_uri
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Call, Document, Place, Refusal
from sagemaker_gitops.local.server.persistence import Store

_LOG = logging.getLogger(__name__)
_ALPHABET = string.ascii_letters + string.digits


@dataclass(frozen=True, kw_only=True)
class Written:
    """One record, or one deletion, on its way to the offline store; `called` is when the service received it."""

    place: Place
    group: Document
    values: dict[str, str]
    event: float
    called: dt.datetime
    deleted: bool = False


class OfflineStore:
    """The buffer between PutRecord and S3."""

    def __init__(self, clients: Clients, roles: Roles) -> None:
        self._clients = clients
        self._roles = roles
        self._lock = threading.Lock()
        self._buffer: list[Written] = []

    def append(self, written: Written) -> None:
        """Take a record."""
        with self._lock:
            self._buffer.append(written)

    def flush(self) -> None:
        """Write what has gathered: one file for each group and hour."""
        with self._lock:
            taken, self._buffer = self._buffer, []
        files: dict[str, list[Written]] = defaultdict(list)
        for item in taken:
            moment = dt.datetime.fromtimestamp(item.event, dt.UTC)
            folder = f"{moment:year=%Y/month=%m/day=%d/hour=%H}"
            files[f"{_resolved(item.group)}/{folder}"].append(item)
        for uri, items in files.items():
            self._write(f"{uri}/{_file_name(items)}", items)

    def _write(self, uri: str, items: list[Written]) -> None:
        place, group = items[0].place, items[0].group
        bucket, key = split_uri(uri)
        resource = f"arn:aws:s3:::{bucket}/{key}"
        needed = [Access(action=f"s3:{action}", resource=resource) for action in ("PutObject", "PutObjectAcl")]
        try:
            self._roles.act(place, group["RoleArn"], needed)
            self._clients.s3(place).put_object(Bucket=bucket, Key=key, Body=_parquet(group, items))
        except (ClientError, BotoCoreError, Refusal) as problem:
            _LOG.warning("%d records for %s were lost: %s", len(items), uri, problem)


def _resolved(group: Document) -> str:
    return str(group["OfflineStoreConfig"]["S3StorageConfig"]["ResolvedOutputS3Uri"])


def _file_name(items: Sequence[Written]) -> str:
    latest = dt.datetime.fromtimestamp(max(item.event for item in items), dt.UTC)
    return f"{latest:%Y%m%dT%H%M%SZ}_{''.join(secrets.choice(_ALPHABET) for _ in range(16))}.parquet"


def _parquet(group: Document, items: Sequence[Written]) -> bytes:
    import pyarrow as pa  # noqa: PLC0415  only who keeps features waits for it
    import pyarrow.parquet as pq  # noqa: PLC0415

    kinds = {"Fractional": (pa.float64(), float), "Integral": (pa.int64(), int), "String": (pa.string(), str)}
    columns: dict[str, pa.Array] = {}
    for described in group["FeatureDefinitions"]:
        name, (kind, read) = described["FeatureName"], kinds[described["FeatureType"]]
        values = [read(item.values[name]) if name in item.values else None for item in items]
        columns[name] = pa.array(values, kind)
    moment = pa.timestamp("ms", tz="UTC")
    columns["write_time"] = pa.array([dt.datetime.now(dt.UTC)] * len(items), moment)
    columns["api_invocation_time"] = pa.array([item.called for item in items], moment)
    columns["is_deleted"] = pa.array([item.deleted for item in items], pa.bool_())
    sink = io.BytesIO()
    pq.write_table(pa.table(columns), sink)
    return sink.getvalue()


# The two formats that the service model's documentation of EventTimeFeatureName names.
_ISO = regex.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
_SECONDS = {"Seconds": 1, "Minutes": 60, "Hours": 3600, "Days": 86_400, "Weeks": 604_800}


class FeatureRecords:
    """PutRecord, GetRecord, DeleteRecord, BatchGetRecord."""

    def __init__(self, store: Store, groups: FeatureGroups, history: OfflineStore) -> None:
        self._history = history
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
        group = self._group(call)
        values = _values(call.params["Record"])
        _check_record(group, values)
        identifier = values[group["RecordIdentifierFeatureName"]]
        moment = _event_time(values[group["EventTimeFeatureName"]])
        stores = _targets(group, call)
        if "OnlineStore" in stores:
            ttl = call.params.get("TtlDuration") or group["OnlineStoreConfig"].get("TtlDuration")
            record = {"Record": values, "Time": moment, "Expires": _expires(moment, ttl)}
            self._replace(call.place, _key(group, identifier), record)
        if "OfflineStore" in stores:
            self._append(call, group, values, moment, deleted=False)
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
        identifier, stores = call.params["RecordIdentifierValueAsString"], _targets(group, call)
        key = _key(group, identifier)
        if "OfflineStore" in stores:
            names = (group["RecordIdentifierFeatureName"], group["EventTimeFeatureName"])
            values = dict(zip(names, (identifier, call.params["EventTime"]), strict=True))
            self._append(call, group, values, moment, deleted=True)
        if "OnlineStore" not in stores:
            return {}
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

    def _append(self, call: Call, group: Document, values: dict[str, str], moment: float, *, deleted: bool) -> None:
        written = Written(
            place=call.place,
            group=group,
            values=values,
            event=moment,
            called=dt.datetime.now(dt.UTC),
            deleted=deleted,
        )
        self._history.append(written)

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


def _targets(group: Document, call: Call) -> list[str]:
    there = ["OnlineStore"] if group.get("OnlineStoreConfig", {}).get("EnableOnlineStore") else []
    there += ["OfflineStore"] if "OfflineStoreConfig" in group else []
    wanted: list[str] = call.params.get("TargetStores", there)
    if absent := sorted(set(wanted) - set(there)):
        raise _wrong(f"Validation Error: the feature group has no {absent[0]}")
    return wanted


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
    if not _ISO.fullmatch(text):
        raise _wrong(f"Validation Error: EventTime {text!r} is neither yyyy-MM-dd'T'HH:mm:ss[.SSS]Z nor Unix seconds")
    try:
        return dt.datetime.fromisoformat(text).timestamp()
    except ValueError:
        raise _wrong(f"Validation Error: EventTime {text!r} is no time") from None


def _expires(moment: float, ttl: Document | None) -> float | None:
    return moment + ttl["Value"] * _SECONDS[ttl["Unit"]] if ttl else None


def _wrong(message: str) -> Refusal:
    return Refusal("ValidationError", message)
