"""Which release of the model serves, remembered for a few seconds.

    resolver = Resolver(boto3.client("dynamodb"), table="PROJECT-active-ENV", endpoint="PROJECT-ENV")
    resolver.active().version

After a release or a rollback every caller sees it `Freshness.ttl_seconds` later at the most, plus the time of a read.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Protocol

# DynamoDB answers in milliseconds; when it does not, it is asked again so often, and the last answer counts.
_RETRY_SECONDS = 1.0


class Reader(Protocol):
    """boto3's DynamoDB client, or one of DAX (amazondax.AmazonDaxClient): the same call."""

    @property
    def get_item(self) -> Callable[..., Any]: ...  # noqa: D102


class Unresolved(Exception):
    """Nobody could tell which release serves."""


@dataclass(frozen=True)
class Active:
    """The release that answers every caller; `fence` and `sequence` only grow with the releases of an endpoint."""

    version: int
    variant: str
    fingerprint: str
    commit: str
    since: str
    fence: int
    sequence: int


@dataclass(frozen=True)
class Freshness:
    """How long an answer counts, and how long it may stand in when DynamoDB does not answer.

    DAX keeps only reads that need not be consistent, and those for as long as its own item cache says.
    """

    ttl_seconds: float = 5.0
    stale_seconds: float = 300.0
    consistent: bool = True


@dataclass(frozen=True)
class _Known:
    active: Active
    fresh_until: float
    good_until: float


class Resolver:
    """One endpoint's release. Threads share an instance: one of them reads, the others wait for its answer."""

    def __init__(
        self,
        reader: Reader,
        *,
        table: str,
        endpoint: str,
        freshness: Freshness | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._reader = reader
        self._freshness = freshness or Freshness()
        self._key = {"TableName": table, "Key": {"endpoint": {"S": endpoint}}}
        self._clock = clock
        self._lock = threading.Lock()
        self._known: _Known | None = None

    def active(self) -> Active:
        """Return the release that serves; Unresolved when nobody can tell, or could for too long."""
        known = self._known
        if known is not None and self._clock() < known.fresh_until:
            return known.active
        with self._lock:
            known = self._known
            # Whoever waited for the lock finds what the thread before has read.
            if known is None or self._clock() >= known.fresh_until:
                known = self._known = self._refreshed(known)
            return known.active

    def _refreshed(self, known: _Known | None) -> _Known:
        began, ttl = self._clock(), self._freshness.ttl_seconds
        try:
            active = self._read()
        except Exception as err:
            if known is None or began >= known.good_until:
                raise Unresolved(f"{self._key['TableName']} does not say which release serves: {err}") from err
            return replace(known, fresh_until=self._clock() + min(ttl, _RETRY_SECONDS))
        # A read that is not consistent may lag; for callers time does not go backwards.
        if known is not None and not self._freshness.consistent and _age(active) < _age(known.active):
            active = known.active
        return _Known(active, fresh_until=began + ttl, good_until=began + ttl + self._freshness.stale_seconds)

    def _read(self) -> Active:
        item = self._reader.get_item(**self._key, ConsistentRead=self._freshness.consistent).get("Item")
        if item is None:
            raise LookupError("nothing was released yet")
        return Active(
            version=int(item["version"]["N"]),
            variant=item["variant"]["S"],
            fingerprint=item["fingerprint"]["S"],
            commit=item["commit"]["S"],
            since=item["since"]["S"],
            fence=int(item["fence"]["N"]),
            sequence=int(item["sequence"]["N"]),
        )


def _age(active: Active) -> tuple[int, int]:
    return active.fence, active.sequence
