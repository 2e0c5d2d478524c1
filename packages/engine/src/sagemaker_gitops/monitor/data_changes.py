"""What changed between two versions of a data set: rows, schema and distributions, as Markdown."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from pyarrow import csv
from sagemaker_gitops_modelkit.cells import MISSING_WORDS

from sagemaker_gitops.monitor.statistics import psi
from sagemaker_gitops.report.markdown import inert

BINS = 10
# Siddiqi's rule of thumb: below 0.1 nothing moved, above 0.25 another population.
MODERATE, LARGE = 0.1, 0.25
_CATEGORIES_SHOWN = 5
# The words for nothing, in the cases in which programs write them: Arrow compares them as they are.
_NOTHING = frozenset(form for word in MISSING_WORDS for form in (word, word.upper(), word.title(), "NaN") if form)


@dataclass(frozen=True, kw_only=True)
class Rows:
    """How many rows there are, and what became of those that have the same id."""

    before: int
    after: int
    added: int
    removed: int
    changed: int


@dataclass(frozen=True, kw_only=True)
class Column:
    """One column in both versions: its type, its missing share, its centre and how far it moved (PSI)."""

    name: str
    before: str
    after: str
    missing: tuple[float, float]
    centre: tuple[str, str]
    psi: float
    new_values: tuple[str, ...] = ()

    @property
    def verdict(self) -> str:
        """The distance in a word."""
        if self.before != self.after:
            return "another type"
        return "moved" if self.psi > LARGE else "moved a little" if self.psi > MODERATE else ""


@dataclass(frozen=True, kw_only=True)
class DataDiff:
    """All that changed."""

    rows: Rows
    added: tuple[str, ...]
    removed: tuple[str, ...]
    columns: tuple[Column, ...]

    def as_markdown(self) -> str:
        """Write it for a pull request."""
        rows = self.rows
        fate = f"{rows.added:,} added, {rows.removed:,} removed, {rows.changed:,} changed"
        head = [
            f"{rows.before:,} → {rows.after:,} rows: {fate}.",
            *(f"Column **{inert(name)}** was added." for name in self.added),
            *(f"Column **{inert(name)}** was removed." for name in self.removed),
        ]
        table = ["| column | missing | mean or most frequent | PSI | |", "|---|---|---|---|---|"]
        return "\n".join([*head, "", *table, *(_row(column) for column in self.columns)])


def compare(
    before: Sequence[Path], after: Sequence[Path], *, row_id: str, listed: Mapping[str, Collection[str]] | None = None
) -> DataDiff:
    """Compare two versions of a data set, each given as its CSV files with one row an id.

    `listed` are columns' categories: a word for nothing among them is a category.
    """
    literal = [name for name, texts in (listed or {}).items() if not _NOTHING.isdisjoint(texts)]
    old, new = _read(before, literal), _read(after, literal)
    common = [name for name in new.column_names if name in old.column_names]
    return DataDiff(
        rows=_rows(old, new, row_id, common),
        added=tuple(name for name in new.column_names if name not in common),
        removed=tuple(name for name in old.column_names if name not in common),
        columns=tuple(_column(name, old[name], new[name]) for name in common if name != row_id),
    )


def _read(files: Sequence[Path], literal: Collection[str]) -> pa.Table:
    options = csv.ConvertOptions(null_values=["", *sorted(_NOTHING)], strings_can_be_null=True)
    tables = [_with_literal(csv.read_csv(path, convert_options=options), path, literal) for path in files]
    return pa.concat_tables(tables, promote_options="permissive")


def _with_literal(table: pa.Table, path: Path, literal: Collection[str]) -> pa.Table:
    """Read the columns again whose words for nothing are categories."""
    again = [name for name in table.column_names if name in literal]
    if not again:
        return table
    texts = dict.fromkeys(again, pa.string())
    options = csv.ConvertOptions(include_columns=again, column_types=texts, null_values=[""], strings_can_be_null=True)
    read = csv.read_csv(path, convert_options=options)
    for name in again:
        table = table.set_column(table.column_names.index(name), name, read[name])
    return table


def _rows(old: pa.Table, new: pa.Table, row_id: str, common: list[str]) -> Rows:
    if row_id not in common:
        return Rows(before=len(old), after=len(new), added=len(new), removed=len(old), changed=0)
    left, right = (_by_id(table.select(common), row_id) for table in (old, new))
    kept_left = left.filter(pc.is_in(left[row_id], value_set=right[row_id].combine_chunks()))
    kept_right = right.filter(pc.is_in(right[row_id], value_set=left[row_id].combine_chunks()))
    return Rows(
        before=len(old),
        after=len(new),
        added=len(right) - len(kept_right),
        removed=len(left) - len(kept_left),
        changed=_differing(kept_left, kept_right),
    )


def _by_id(table: pa.Table, row_id: str) -> pa.Table:
    ids = pc.cast(table[row_id], pa.string())
    keyed = pa.table({row_id: ids, "#": pa.array(range(len(table)))})
    first = keyed.group_by(row_id).aggregate([("#", "min")]).sort_by(row_id)
    place = table.schema.get_field_index(row_id)
    return table.set_column(place, row_id, ids).take(first["#_min"])


def _differing(left: pa.Table, right: pa.Table) -> int:
    differs = np.zeros(len(left), dtype=bool)
    for name in left.column_names:
        kind = pa.float64() if _numeric(left[name], right[name]) else pa.string()
        one, other = (pc.cast(table[name], kind) for table in (left, right))
        same = pc.or_kleene(pc.equal(one, other), pc.and_(pc.is_null(one), pc.is_null(other)))
        differs |= ~np.asarray(pc.fill_null(same, fill_value=False).to_numpy(), dtype=bool)
    return int(differs.sum())


def _numeric(*columns: pa.ChunkedArray) -> bool:
    return all(pa.types.is_integer(column.type) or pa.types.is_floating(column.type) for column in columns)


def _column(name: str, old: pa.ChunkedArray, new: pa.ChunkedArray) -> Column:
    numeric = _numeric(old, new)
    distance, fresh = (_numbers(old, new), ()) if numeric else _categories(old, new)
    return Column(
        name=name,
        before="number" if numeric else str(old.type),
        after="number" if numeric else str(new.type),
        missing=(_missing(old), _missing(new)),
        centre=(_centre(old, numeric=numeric), _centre(new, numeric=numeric)),
        psi=distance,
        new_values=fresh,
    )


def _numbers(old: pa.ChunkedArray, new: pa.ChunkedArray) -> float:
    reference, current = (_present(column) for column in (old, new))
    if not len(reference) or not len(current):
        return 0.0 if len(reference) == len(current) else float("inf")
    inner = np.unique(np.quantile(reference, np.linspace(0, 1, BINS + 1)[1:-1]))
    edges = np.concatenate([[-np.inf], inner, [np.inf]])
    return psi(np.histogram(reference, edges)[0], np.histogram(current, edges)[0])


def _categories(old: pa.ChunkedArray, new: pa.ChunkedArray) -> tuple[float, tuple[str, ...]]:
    reference, current = (_counts(column) for column in (old, new))
    names = sorted({*reference, *current})
    counts = [np.array([side.get(name, 0) for name in names], dtype=np.int64) for side in (reference, current)]
    return psi(*counts), tuple(name for name in names if name not in reference)


def _counts(column: pa.ChunkedArray) -> dict[str, int]:
    return {str(item["values"]): item["counts"] for item in pc.value_counts(column.drop_null()).to_pylist()}


def _present(column: pa.ChunkedArray) -> npt.NDArray[np.float64]:
    return np.asarray(pc.cast(column.drop_null(), pa.float64()).to_numpy(), dtype=np.float64)


def _missing(column: pa.ChunkedArray) -> float:
    return column.null_count / len(column) if len(column) else 0.0


def _centre(column: pa.ChunkedArray, *, numeric: bool) -> str:
    if numeric:
        return f"{pc.mean(column).as_py() or 0:.4g}"
    counts = _counts(column)
    top = max(counts, key=lambda name: counts[name], default="")
    return f"{top} {counts[top] / sum(counts.values()):.1%}" if counts else "none"


def _row(column: Column) -> str:
    shown = ", ".join(inert(value) for value in column.new_values[:_CATEGORIES_SHOWN])
    more = len(column.new_values) - _CATEGORIES_SHOWN
    remarks = [column.verdict, f"new: {shown}{f' and {more} more' if more > 0 else ''}" if shown else ""]
    cells: Iterator[str] = iter(
        (
            inert(column.name) + ("" if column.before == column.after else f" ({column.before} → {column.after})"),
            _move(f"{column.missing[0]:.1%}", f"{column.missing[1]:.1%}"),
            _move(*map(inert, column.centre)),
            f"{column.psi:.3f}",
            "; ".join(filter(None, remarks)),
        )
    )
    return f"| {' | '.join(cells)} |"


def _move(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"
