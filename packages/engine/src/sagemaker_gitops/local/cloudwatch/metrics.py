"""CloudWatch metrics at full resolution, in memory and written through to SQLite, and statistics over them."""

import bisect
import json
import math
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import regex

from sagemaker_gitops.local.server.context import Place, Refusal, unsupported

BASIC = ("SampleCount", "Average", "Sum", "Minimum", "Maximum")
_PERCENTILE = regex.compile(r"p(\d{1,2}(?:\.\d{1,10})?|100)")


@dataclass(frozen=True, kw_only=True, slots=True)
class Datum:
    """Values of one metric at one moment (seconds since the epoch), each with how often it occurred.

    A set of statistics is its mean, and its two extremes with a count of zero.
    """

    time: float
    values: tuple[float, ...]
    counts: tuple[float, ...]
    unit: str = "None"


def compute(name: str, data: Sequence[Datum]) -> float:
    """Return a statistic of at least one data point."""
    pairs = [pair for datum in data for pair in zip(datum.values, datum.counts, strict=True)]
    if name in BASIC:
        return _basic(name, pairs)
    if any(count == 0 for _, count in pairs):
        raise unsupported(f"{name} of sets of statistics, whose samples nobody knows")
    if found := _PERCENTILE.fullmatch(name):
        return _percentile(float(found[1]), pairs)
    raise Refusal(
        "InvalidParameterValue", f"The value {name} for parameter Statistic is not supported by the local AWS."
    )


def is_percentile(name: str) -> bool:
    """Return whether a statistic is a percentile."""
    return _PERCENTILE.fullmatch(name) is not None


def fewest_samples(percentile: str) -> float:
    """Return below how many samples CloudWatch calls a percentile, such as p95, not statistically significant."""
    percent = float(percentile.removeprefix("p"))
    outside = 100 - percent if percent >= 50 else percent
    return 1000 / outside if outside else 0.0


def is_known_statistic(name: str) -> bool:
    """Return whether a statistic can be computed here."""
    return name in BASIC or is_percentile(name)


def _basic(name: str, pairs: Sequence[tuple[float, float]]) -> float:
    count = sum(n for _, n in pairs)
    total = sum(v * n for v, n in pairs)
    values = [v for v, _ in pairs]
    results = {
        "SampleCount": count,
        "Average": total / count,
        "Sum": total,
        "Minimum": min(values),
        "Maximum": max(values),
    }
    return results[name]


def _percentile(percent: float, pairs: Iterable[tuple[float, float]]) -> float:
    """Return the smallest value that at least `percent` of the samples do not exceed."""
    ordered = sorted(pairs)
    rank = max(1.0, math.ceil(percent / 100 * sum(n for _, n in ordered)))
    seen = 0.0
    for value, count in ordered:
        seen += count
        if seen >= rank:
            return value
    return ordered[-1][0]


def by_period(data: Iterable[Datum], period: float) -> dict[float, list[Datum]]:
    """Return the data points by the start of their period, oldest first."""
    periods: dict[float, list[Datum]] = {}
    for datum in data:
        periods.setdefault(math.floor(datum.time / period) * period, []).append(datum)
    return dict(sorted(periods.items()))


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


def series_of(place: Place, namespace: str, name: str, dimensions: Mapping[str, str]) -> Series:
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
            key = series_of(Place(account=account, region=region), namespace, name, dict(dimensions))
            datum = Datum(time=time, values=tuple(json.loads(values)), counts=tuple(json.loads(counts)), unit=unit)
            self._data[key].append(datum)


def _time(datum: Datum) -> float:
    return datum.time
