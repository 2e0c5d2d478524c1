"""CloudWatch metrics at full resolution, in memory and written through to SQLite."""

import bisect
import json
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.local.cloudwatch.metric_statistics import Datum
from sagemaker_gitops.local.server.context import Place

_TABLE = "CREATE TABLE IF NOT EXISTS datum (series TEXT, time REAL, vals TEXT, counts TEXT, unit TEXT)"


@dataclass(frozen=True, kw_only=True)
class Series:
    """One metric: a place, a namespace, a name and a set of dimensions."""

    place: Place
    namespace: str
    name: str
    dimensions: tuple[tuple[str, str], ...] = ()

    def to_json(self) -> str:
        """Return the series as the key of its stored data."""
        place = (self.place.account, self.place.region)
        return json.dumps([*place, self.namespace, self.name, self.dimensions])


def series(place: Place, namespace: str, name: str, dimensions: Mapping[str, str]) -> Series:
    """Return a series whose dimensions compare equal in any order."""
    return Series(place=place, namespace=namespace, name=name, dimensions=tuple(sorted(dimensions.items())))


class Metrics:
    """Every data point by series, in order of time."""

    def __init__(self, database: Path) -> None:
        self._lock = threading.RLock()
        self._data: dict[Series, list[Datum]] = defaultdict(list)
        self._database = sqlite3.connect(database, check_same_thread=False, isolation_level=None)
        self._database.execute("PRAGMA synchronous=OFF")
        self._database.execute("PRAGMA journal_mode=WAL")
        self._database.execute(_TABLE)
        self._load()

    def put(self, points: Iterable[tuple[Series, Datum]]) -> None:
        """Store data points."""
        with self._lock:
            rows = []
            for key, datum in points:
                bisect.insort(self._data[key], datum, key=_time)
                rows.append((key.to_json(), datum.time, json.dumps(datum.values), json.dumps(datum.counts), datum.unit))
            if not rows:
                return
            self._database.execute("BEGIN")
            self._database.executemany("INSERT INTO datum VALUES (?,?,?,?,?)", rows)
            self._database.execute("COMMIT")

    def between(self, key: Series, start: float, end: float) -> list[Datum]:
        """Return the data points of a series with start <= time < end."""
        with self._lock:
            data = self._data.get(key, [])
            return data[bisect.bisect_left(data, start, key=_time) : bisect.bisect_left(data, end, key=_time)]

    def known(self, place: Place) -> list[Series]:
        """Return the series of a place."""
        with self._lock:
            return [key for key in self._data if key.place == place]

    def close(self) -> None:
        """Close the database."""
        with self._lock:
            self._database.close()

    def _load(self) -> None:
        for text, time, values, counts, unit in self._database.execute("SELECT * FROM datum ORDER BY time"):
            account, region, namespace, name, dimensions = json.loads(text)
            key = series(Place(account=account, region=region), namespace, name, dict(dimensions))
            datum = Datum(time=time, values=tuple(json.loads(values)), counts=tuple(json.loads(counts)), unit=unit)
            self._data[key].append(datum)


def _time(datum: Datum) -> float:
    return datum.time
