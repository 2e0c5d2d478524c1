"""Rows on which a wrong export would show: jumps of the model, neighbours of real values, gaps, the declared ranges.

A jump is found by bisection over float32 values of one feature, through the whole fitted pipeline: whatever
transforms the feature, and whether the learner has trees or not, the two values between which the answer jumps
are neighbours in the raw data.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from sagemaker_gitops_modelkit.training.feature_schema import NumberFeature, Schema

UNSEEN_TEXT = "\N{REPLACEMENT CHARACTER}"
# What one round of the bisection may ask for: a second or two of a forest's time in all.
_SEGMENTS = 4096
_FIRST_ROWS = 40_000
_POINTS = 64
_BACKGROUNDS = 128
_FEW = 32
_RANDOM_ROWS = 1000

Floats = npt.NDArray[np.float64]
Places = npt.NDArray[np.int64]
# From a table of features to one line of figures a row.
Answers = Callable[[pd.DataFrame], Floats]


@dataclass(frozen=True, kw_only=True)
class Probes:
    """Rows to compare two forms of a model on, and how many jumps of it lie among them."""

    rows: pd.DataFrame
    edges: int


@dataclass(frozen=True, kw_only=True)
class _Segments:
    """Stretches of one number each, in one row each, over which the answer changes."""

    feature: Places
    row: Places
    low: Places
    high: Places
    at_low: Floats
    at_high: Floats

    def __len__(self) -> int:
        return len(self.feature)

    def __getitem__(self, chosen: npt.NDArray[np.intp] | npt.NDArray[np.bool_]) -> "_Segments":
        return _Segments(**{name: values[chosen] for name, values in vars(self).items()})

    @property
    def change(self) -> Floats:
        """How far the answer moves over each."""
        return np.asarray(np.abs(self.at_high - self.at_low).max(axis=1), dtype=np.float64)


def probes(answers: Answers, table: pd.DataFrame, schema: Schema, *, least: float) -> Probes:
    """Return rows made of a table's; a jump of the answer by less than `least` is none."""
    jumps = _jumps(answers, table, schema, least=least)
    parts = [_at_jumps(jumps, table, schema), *_beside(table, schema), *_with_gaps(table, schema)]
    parts.append(_within_ranges(table, schema))
    distinct = {*zip(jumps.feature.tolist(), jumps.high.tolist(), strict=True)}
    return Probes(rows=pd.concat(parts, ignore_index=True), edges=len(distinct))


def _jumps(answers: Answers, table: pd.DataFrame, schema: Schema, *, least: float) -> _Segments:
    """Halve every segment over which the answer changes, until its ends are neighbours."""
    active = _most(_first_segments(answers, table, schema), least=least)
    found = [active[active.high - active.low == 1]]
    while len(active := active[active.high - active.low > 1]):
        middle = (active.low + active.high) // 2
        at_middle = _ask(answers, table, schema, feature=active.feature, row=active.row, place=middle)
        left = {**vars(active), "high": middle, "at_high": at_middle}
        right = {**vars(active), "low": middle, "at_low": at_middle}
        halves = _Segments(**{name: np.concatenate([left[name], right[name]]) for name in left})
        active = _most(halves, least=least)
        found.append(active[active.high - active.low == 1])
    return _Segments(**{name: np.concatenate([getattr(part, name) for part in found]) for name in vars(active)})


def _first_segments(answers: Answers, table: pd.DataFrame, schema: Schema) -> _Segments:
    """Divide each number's range at the data's own values, in rows spread over the table."""
    numbers = schema.numbers
    grids = [_grid(number, table) for number in numbers]
    room = _FIRST_ROWS // max(1, sum(map(len, grids)))
    rows = np.unique(np.linspace(0, len(table) - 1, max(2, min(_BACKGROUNDS, room))).astype(np.int64))
    feature = np.concatenate([np.full(len(rows) * len(g), i) for i, g in enumerate(grids)] or [np.empty(0, np.int64)])
    row = np.concatenate([np.repeat(rows, len(g)) for g in grids] or [np.empty(0, np.int64)])
    place = np.concatenate([np.tile(g, len(rows)) for g in grids] or [np.empty(0, np.int64)])
    asked = _ask(answers, table, schema, feature=feature, row=row, place=place)
    ends = np.flatnonzero((feature[1:] == feature[:-1]) & (row[1:] == row[:-1]))
    return _Segments(
        feature=feature[ends],
        row=row[ends],
        low=place[ends],
        high=place[ends + 1],
        at_low=asked[ends],
        at_high=asked[ends + 1],
    )


def _grid(number: NumberFeature, table: pd.DataFrame) -> Places:
    own = np.unique(_place(table[number.name].dropna().to_numpy(dtype=np.float32)))
    chosen = own[np.unique(np.linspace(0, len(own) - 1, _POINTS).astype(np.int64))] if len(own) else own
    return np.unique(np.concatenate([_place(np.array([number.minimum, number.maximum], dtype=np.float32)), chosen]))


def _most(segments: _Segments, *, least: float) -> _Segments:
    """Keep where the answer changes; of too many, different ones first, then those of the largest change.

    Over a smooth stretch the change halves each time and is soon below `least`; over a jump it stays.
    """
    segments = segments[segments.change > least]
    if len(segments) <= _SEGMENTS:
        return segments
    order = np.lexsort((-segments.change, segments.low, segments.feature))
    segments = segments[order]
    fresh = np.ones(len(segments), dtype=bool)
    fresh[1:] = (segments.feature[1:] != segments.feature[:-1]) | (segments.low[1:] != segments.low[:-1])
    starts = np.flatnonzero(fresh)
    rank = np.arange(len(segments)) - np.repeat(starts, np.diff(np.append(starts, len(segments))))
    return segments[np.lexsort((-segments.change, rank))[:_SEGMENTS]]


def _ask(
    answers: Answers, table: pd.DataFrame, schema: Schema, *, feature: Places, row: Places, place: Places
) -> Floats:
    return answers(_moved(table, schema, feature=feature, row=row, place=place)) if len(row) else np.empty((0, 1))


def _moved(table: pd.DataFrame, schema: Schema, *, feature: Places, row: Places, place: Places) -> pd.DataFrame:
    """Return rows of a table, each with one number put at a place."""
    moved, values = table.iloc[row].reset_index(drop=True), _value(place)
    for index, number in enumerate(schema.numbers):
        mine = feature == index
        moved[number.name] = np.where(mine, values, moved[number.name].to_numpy(dtype=np.float64))
    return moved


def _at_jumps(jumps: _Segments, table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Return, for each jump, the two values between which it lies and the next on either side."""
    around = np.concatenate([jumps.low - 1, jumps.low, jumps.high, jumps.high + 1])
    return _moved(table, schema, feature=np.tile(jumps.feature, 4), row=np.tile(jumps.row, 4), place=around)


def _beside(table: pd.DataFrame, schema: Schema) -> Iterator[pd.DataFrame]:
    """Yield the table with every number moved to the float32 next to it."""
    for step in (-1, 1):
        columns = {n.name: table[n.name].to_numpy(dtype=np.float32) for n in schema.numbers}
        moved = {name: _value(_place(values) + step) for name, values in columns.items()}
        yield table.assign(**{name: np.where(np.isnan(columns[name]), np.nan, moved[name]) for name in moved})


def _with_gaps(table: pd.DataFrame, schema: Schema) -> Iterator[pd.DataFrame]:
    """Yield a few rows for each way in which a value can be missing or unknown, and with all of them at once."""
    few = table.iloc[np.unique(np.linspace(0, len(table) - 1, _FEW).astype(np.int64))]
    missing = {number.name: np.nan for number in schema.numbers if number.missing == "impute"}
    open_ = [category.name for category in schema.categories if category.unknown == "ignore"]
    for gaps in (missing | dict.fromkeys(open_, ""), missing | dict.fromkeys(open_, UNSEEN_TEXT)):
        yield few.assign(**gaps)
        for name, gap in gaps.items():
            yield few.assign(**{name: gap})
    for category in schema.categories:
        for value in category.categories:
            yield few.assign(**{category.name: value})


def _within_ranges(table: pd.DataFrame, schema: Schema) -> pd.DataFrame:
    """Draw rows from the declared ranges and lists; the same ones each time."""
    draw = np.random.default_rng(0)
    rows = table.iloc[draw.integers(len(table), size=_RANDOM_ROWS)].reset_index(drop=True)
    for number in schema.numbers:
        rows[number.name] = draw.uniform(number.minimum, number.maximum, _RANDOM_ROWS)
    for category in schema.categories:
        rows[category.name] = draw.choice(np.array(category.categories, dtype=object), _RANDOM_ROWS)
    return rows


def _place(values: npt.NDArray[np.float32]) -> Places:
    """Return each float32 value's place in their order: neighbours differ by one."""
    bits = values.view(np.int32).astype(np.int64)
    return np.where(bits < 0, -(2**31) - bits, bits)


def _value(places: Places) -> Floats:
    """Return the float32 values at those places; beyond the largest there is the largest."""
    largest = int(_place(np.array([np.finfo(np.float32).max]))[0])
    kept = np.clip(places, -largest, largest)
    bits = np.where(kept < 0, -(2**31) - kept, kept).astype(np.int32)
    return bits.view(np.float32).astype(np.float64)
