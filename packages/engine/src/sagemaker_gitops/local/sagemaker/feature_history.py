"""Feature Store's offline store: every write, buffered, then Parquet in S3 in the service's layout.

Developer guide, "Feature Store offline store data format": one folder an hour of event time, three columns more.
"""

import datetime as dt
import io
import logging
import secrets
import string
import threading
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from botocore.exceptions import BotoCoreError, ClientError

from sagemaker_gitops.local.iam.access import Access
from sagemaker_gitops.local.iam.pass_role import Roles
from sagemaker_gitops.local.sagemaker.transfer import split_uri
from sagemaker_gitops.local.server.clients import Clients
from sagemaker_gitops.local.server.context import Document, Place
from sagemaker_gitops.local.server.refusal import Refusal

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


class FeatureHistory:
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
