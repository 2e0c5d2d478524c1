"""Mergeable partial statistics: what one pass over any share of a window leaves behind, in memory and as bytes.

Counts are integers and sums are of the same rows, so one shard or many give the same answer.
"""

from collections.abc import Mapping, Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from sagemaker_gitops.monitor.baseline import Baseline, CategoryBaseline, Feature, NumberBaseline
from sagemaker_gitops.monitor.bins import Bins
from sagemaker_gitops.monitor.statistics import Counts, Values


class Labelled(msgspec.Struct, kw_only=True):
    """Answers whose truth is known, one entry a row; `key` recognises a row that was captured twice."""

    key: npt.NDArray[np.uint64]
    probability: Values
    predicted: npt.NDArray[np.bool_]
    truth: npt.NDArray[np.bool_]

    def distinct(self) -> "Labelled":
        """Keep one entry a key, in the order of the keys."""
        _, first = np.unique(self.key, return_index=True)
        return Labelled(**{name: getattr(self, name)[first] for name in self.__struct_fields__})


def join_labelled(parts: Sequence[Mapping[str, Labelled]]) -> dict[str, Labelled]:
    """Put labelled answers together, group by group."""
    groups = sorted({group for part in parts for group in part})
    return {group: _stack([part[group] for part in parts if group in part]) for group in groups}


def _stack(parts: Sequence[Labelled]) -> Labelled:
    names = Labelled.__struct_fields__
    return Labelled(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in names})


# How many unknown names are kept by name. The alphabetically first ones stay, so that the
# order of reading does not decide; all others are still counted.
KEPT_NAMES = 50


class NumberTally(msgspec.Struct, kw_only=True):
    """Counts of one numeric feature over its baseline's bins."""

    counts: Counts
    missing: int = 0
    invalid: int = 0
    outside: int = 0
    total: float = 0.0
    squares: float = 0.0
    low: float = float("inf")
    high: float = float("-inf")

    @property
    def present(self) -> int:
        """Rows that held a number."""
        return int(self.counts.sum())

    @property
    def rows(self) -> int:
        """All rows."""
        return self.present + self.missing + self.invalid

    def add(self, values: Values, baseline: NumberBaseline) -> None:
        """Count values; NaN is a missing one, and none is infinite."""
        rows = len(values)
        total = float(values.sum())
        if total != total:  # noqa: PLR0124  only NaN differs from itself, and makes the sum one
            values = values[~np.isnan(values)]
            self.missing += rows - len(values)
            total = float(values.sum())
        if len(values):
            self.counts += baseline.bins.count(values)
            self.total += total
            # Not `values @ values`: BLAS would spin up threads for it, and wait for them on a busy machine.
            self.squares += float(np.einsum("i,i->", values, values))
            self._stretch(values, baseline.feature)

    def _stretch(self, values: Values, feature: Feature) -> None:
        low, high = float(values.min()), float(values.max())
        self.low, self.high = min(self.low, low), max(self.high, high)
        if feature.minimum is not None and low < feature.minimum:
            self.outside += int(np.count_nonzero(values < feature.minimum))
        if feature.maximum is not None and high > feature.maximum:
            self.outside += int(np.count_nonzero(values > feature.maximum))

    def merge(self, other: "NumberTally") -> None:
        """Add what another shard counted."""
        self.counts += other.counts
        for name in ("missing", "invalid", "outside", "total", "squares"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.low = min(self.low, other.low)
        self.high = max(self.high, other.high)


class CategoryTally(msgspec.Struct, kw_only=True):
    """Counts of one categorical feature; names that the schema does not know are kept apart."""

    counts: Counts
    missing: int = 0
    invalid: int = 0
    unknown: int = 0
    names: dict[str, int] = {}

    @property
    def present(self) -> int:
        """Rows that held a category, known or not."""
        return int(self.counts.sum()) + self.unknown

    @property
    def rows(self) -> int:
        """All rows."""
        return self.present + self.missing + self.invalid

    def add(self, found: Mapping[str, int], baseline: CategoryBaseline) -> None:
        """Count categories by name."""
        new = dict(found)
        self.counts += np.array([new.pop(category, 0) for category in baseline.categories], dtype=np.int64)
        self.unknown += sum(new.values())
        self.names = merged_names(self.names, new)

    def merge(self, other: "CategoryTally") -> None:
        """Add what another shard counted."""
        self.counts += other.counts
        self.missing += other.missing
        self.invalid += other.invalid
        self.unknown += other.unknown
        self.names = merged_names(self.names, other.names)


class ScoreTally(msgspec.Struct, kw_only=True):
    """What the baseline's own release answered."""

    counts: Counts
    labelled_positive: int = 0
    rows: int = 0
    # Group of the protected attribute -> [rows, rows with the favourable answer].
    groups: dict[str, list[int]] = {}

    def merge(self, other: "ScoreTally") -> None:
        """Add what another shard counted."""
        self.counts += other.counts
        self.labelled_positive += other.labelled_positive
        self.rows += other.rows
        for group, numbers in other.groups.items():
            mine = self.groups.get(group, [0, 0])
            self.groups[group] = [mine[0] + numbers[0], mine[1] + numbers[1]]


class TruthLines(msgspec.Struct, kw_only=True):
    """How reading ground truth went; lines that contradict an earlier one about the same call are repeated, too."""

    total: int = 0
    unreadable: int = 0
    repeated: int = 0
    contradicting: int = 0


class Reading(msgspec.Struct, kw_only=True):
    """How the reading itself went: everything that is not a statistic of a feature."""

    files: int = 0
    unreadable_files: dict[str, str] = {}
    events: int = 0
    corrupt_lines: int = 0
    # Events whose request body cannot be decoded, and those that the model did not answer.
    undecodable: int = 0
    unanswered: int = 0
    rows: int = 0
    # Hour ("2026-11-23T15") -> release -> rows.
    hours: dict[str, dict[str, int]] = {}
    extra_columns: dict[str, int] = {}
    absent_columns: dict[str, int] = {}
    # Every shard has the same truth beside it, so it is not added up.
    truth: TruthLines = msgspec.field(default_factory=TruthLines)

    def merge(self, other: "Reading") -> None:
        """Add what another shard read."""
        for name in ("files", "events", "corrupt_lines", "undecodable", "unanswered", "rows"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self.unreadable_files |= other.unreadable_files
        self.extra_columns = merged_names(self.extra_columns, other.extra_columns)
        self.absent_columns = added(self.absent_columns, other.absent_columns)
        for hour, releases in other.hours.items():
            self.hours[hour] = added(self.hours.get(hour, {}), releases)


class Tally(msgspec.Struct, kw_only=True):
    """Everything that one pass over captures leaves behind."""

    numbers: dict[str, NumberTally]
    categories: dict[str, CategoryTally]
    scores: ScoreTally
    reading: Reading
    # Group of the protected attribute ("" where unknown) -> labelled answers.
    labelled: dict[str, Labelled] = {}

    def merge(self, other: "Tally") -> None:
        """Add what another shard found."""
        for name, number in other.numbers.items():
            self.numbers[name].merge(number)
        for name, category in other.categories.items():
            self.categories[name].merge(category)
        self.scores.merge(other.scores)
        self.reading.merge(other.reading)
        self.labelled = join_labelled([self.labelled, other.labelled])


def empty_tally(baseline: Baseline) -> Tally:
    """Start counting against a baseline."""
    return Tally(
        numbers={name: NumberTally(counts=_zeros(number.bins)) for name, number in baseline.numbers.items()},
        categories={
            name: CategoryTally(counts=np.zeros(len(category.categories), dtype=np.int64))
            for name, category in baseline.categories.items()
        },
        scores=ScoreTally(counts=np.zeros(len(baseline.scores.edges) - 1, dtype=np.int64)),
        reading=Reading(),
    )


def merged_names(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    """Add counts by name and keep the alphabetically first names."""
    if not right:
        return dict(left)
    return dict(sorted(added(left, right).items())[:KEPT_NAMES])


def added(left: Mapping[str, int], right: Mapping[str, int]) -> dict[str, int]:
    """Add counts by name."""
    return {**left, **{name: left.get(name, 0) + count for name, count in right.items()}}


def _zeros(bins: Bins) -> Counts:
    return np.zeros(len(bins), dtype=np.int64)


def dump_tally(tally: Tally) -> bytes:
    """Write a tally for the process that merges the shards."""
    return msgspec.msgpack.encode(tally, enc_hook=_pack)


def load_tally(content: bytes) -> Tally:
    """Read a tally that another process wrote."""
    return msgspec.msgpack.decode(content, type=Tally, dec_hook=_unpack)


def _pack(value: object) -> object:
    if isinstance(value, np.ndarray):
        return [value.dtype.str, value.tobytes()]
    raise NotImplementedError(f"a tally holds no {type(value).__name__}")


def _unpack(_type: type, value: object) -> object:
    match value:
        case [str(kind), bytes(content)]:
            return np.frombuffer(content, dtype=kind).copy()
        case _:
            raise ValueError("an array is a pair of type and bytes")
