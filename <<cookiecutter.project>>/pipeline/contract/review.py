"""What a change does to the API, the schema and the data, as Markdown for its reviewers."""

import csv
import difflib
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from pipeline.contract import change
from pipeline.contract.documents import read
from pipeline.contract.features import Category, ModelSchema, Number
from pipeline.drift import distances
from pipeline.drift.bins import choose_bins
from pipeline.drift.config import Limits

_LINES_SHOWN = 60


@dataclass(frozen=True, kw_only=True)
class _Table:
    """The columns of a data set, as text."""

    columns: dict[str, list[str]]
    rows: int


def markdown(before: Path, after: Path) -> str:
    """Compare the checkout at `after` with the one at `before`."""
    sections = [
        ("API contract", _document(before, after, change.API)),
        ("Schema", _document(before, after, change.SCHEMA)),
        ("Data by column", _data(before, after)),
    ]
    return "\n\n".join(f"### {title}\n\n{body}" for title, body in sections) + "\n"


def _document(before: Path, after: Path, file: str) -> str:
    old, new = (_lines(root / file) for root in (before, after))
    if old == new:
        return "Unchanged."
    breaks = [f"- ⚠ {message} (line {line})" for line, message in change.breaks(file, old, new)]
    head = breaks or ["Nothing that a caller uses today breaks."]
    diff = list(difflib.unified_diff(old.splitlines(), new.splitlines(), "base", "this", n=1, lineterm=""))
    cut = [f"… {len(diff) - _LINES_SHOWN} more lines"] if len(diff) > _LINES_SHOWN else []
    shown = [
        "<details><summary>Every change</summary>",
        "",
        "```diff",
        *diff[:_LINES_SHOWN],
        *cut,
        "```",
        "",
        "</details>",
    ]
    return "\n".join([*head, "", *shown])


def _lines(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _data(before: Path, after: Path) -> str:
    old, new = _read(before), _read(after)
    if old == new:
        return "Unchanged."
    schema = read(after, change.SCHEMA, ModelSchema).content
    added, removed = (sorted(a.columns.keys() - b.columns.keys()) for a, b in ((new, old), (old, new)))
    told = [f"{old.rows} → {new.rows} rows."]
    told += [f"Columns added: {', '.join(added)}."] if added else []
    told += [f"Columns removed: {', '.join(removed)}."] if removed else []
    rows = list(_columns(old, new, schema)) if schema else []
    head = ["| column | base | this | PSI |", "|---|---:|---:|---:|"] if rows else []
    return "\n".join([" ".join(told), "", *head, *rows])


def _read(root: Path) -> _Table:
    rows: list[dict[str, str]] = []
    for path in sorted((root / "data").glob("*.csv")):
        with path.open(newline="", encoding="utf-8") as file:
            rows += csv.DictReader(file)
    names = rows[0] if rows else {}
    return _Table(columns={name: [row.get(name) or "" for row in rows] for name in names}, rows=len(rows))


def _columns(old: _Table, new: _Table, schema: ModelSchema) -> Iterator[str]:
    for feature in schema.features:
        if feature.name in old.columns and feature.name in new.columns:
            yield _column(feature, old.columns[feature.name], new.columns[feature.name])


def _column(feature: Number | Category, old: Sequence[str], new: Sequence[str]) -> str:
    if isinstance(feature, Number):
        was, now = _numbers(old), _numbers(new)
        told = (f"mean {was.mean():.4g}", f"mean {now.mean():.4g}") if len(was) and len(now) else ("", "")
        psi = _number_psi(was, now)
    else:
        told = (_commonest(old), _commonest(new))
        psi = _category_psi(old, new)
    mark = " ⚠" if psi > Limits().psi else ""
    return f"| {feature.name} | {told[0]} | {told[1]} | {psi:.4f}{mark} |"


def _numbers(cells: Sequence[str]) -> distances.Values:
    return np.sort(np.array([float(cell) for cell in cells if _is_number(cell)], dtype=np.float64))


def _is_number(cell: str) -> bool:
    try:
        return bool(np.isfinite(float(cell)))
    except ValueError:
        return False


def _number_psi(old: distances.Values, new: distances.Values) -> float:
    if not len(old) or not len(new):
        return 0.0 if len(old) == len(new) else float("inf")
    values, weights = np.unique(old, return_counts=True)
    bins = choose_bins(values, weights)
    return distances.psi(bins.coarsen(bins.count(old)), bins.coarsen(bins.count(new)))


def _category_psi(old: Sequence[str], new: Sequence[str]) -> float:
    was, now = Counter(old), Counter(new)
    names = sorted(was | now)
    return distances.psi(*(np.array([side[name] for name in names], dtype=np.int64) for side in (was, now)))


def _commonest(cells: Sequence[str]) -> str:
    value, count = Counter(cells).most_common(1)[0]
    return f"{count / len(cells):.1%} {value}"
