"""What one column of a table seems to be, and why."""

import itertools
import math
import re
from collections import Counter
from dataclasses import dataclass
from typing import Any

from sagemaker_gitops.project.table import number

# More texts than these are no list of categories.
MOST_CATEGORIES = 50
EVENT_TIME = "event time"
# A category that occurs less often leaves others to be expected.
_COMMON = 20
_ISO = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?")
_LOCAL_DATE = re.compile(r"\d{1,2}[./-]\d{1,2}[./-]\d{2,4}( \d{1,2}:\d{2}(:\d{2})?)?")


@dataclass(frozen=True, kw_only=True)
class Guess:
    """What a column is taken for, and why."""

    column: str
    taken_as: str
    why: str


def few(counts: Counter[str]) -> str:
    """Name the most frequent values."""
    shown = [f"{text!r} ({count} rows)" for text, count in counts.most_common(6)]
    return ", ".join(shown) + (", …" if len(counts) > len(shown) else "")


def is_key(cells: tuple[str, ...]) -> bool:
    """Tell whether every row has a value of its own."""
    return "" not in cells and len(set(cells)) == len(cells)


def is_date(text: str) -> bool:
    """Tell whether a text is a date, in whatever order."""
    return bool(_ISO.fullmatch(text) or _LOCAL_DATE.fullmatch(text))


def is_text(cells: tuple[str, ...]) -> bool:
    """Tell whether the values are neither all numbers nor all dates."""
    return any(number(cell) is None for cell in cells) and not all(map(is_date, cells))


def counts_rows(cells: tuple[str, ...]) -> bool:
    """Tell whether the numbers go up by one from row to row."""
    numbers = [number(cell) for cell in cells]
    steps = itertools.pairwise(math.nan if value is None else value for value in numbers)
    return all(after - before == 1 for before, after in steps)


def guess_column(name: str, cells: tuple[str, ...]) -> tuple[dict[str, Any] | None, Guess]:
    """Guess what a column is: a feature as schema.json has it, or one to leave out."""
    given = Counter(cell for cell in cells if cell)
    missing = len(cells) - given.total()
    if why := _no_feature(cells, given):
        return None, Guess(column=name, taken_as="left out", why=why)
    if all(map(_ISO.fullmatch, given)):
        why = f"dates such as {next(iter(given))}; no feature, but the feature store asks when a row was true"
        return None, Guess(column=name, taken_as=EVENT_TIME, why=why)
    if all(number(text) is not None for text in given):
        return _number(name, given, missing)
    return _category(name, given, missing)


def _no_feature(cells: tuple[str, ...], given: Counter[str]) -> str | None:
    """Say why a column cannot be a feature."""
    if len(given) < 2:
        return f"the same in every row: {next(iter(given), 'nothing')!r}"
    if all(number(text) is not None for text in given):
        return "it counts the rows" if counts_rows(cells) else None
    if all(map(_ISO.fullmatch, given)):
        return "dates, but missing in some rows" if "" in cells else None
    if all(map(is_date, given)):
        return f"dates such as {next(iter(given))}, not written as ISO 8601 has it; an age in days could be a feature"
    if len(given) > MOST_CATEGORIES:
        return f"{len(given)} different texts: a name, a key or prose, no list of categories"
    return None


def _number(name: str, given: Counter[str], missing: int) -> tuple[dict[str, Any], Guess]:
    values = [number(text) or 0.0 for text in given]
    low, high = _range(min(values), max(values))
    rule = "impute" if missing else "refuse"
    absent = f"{missing} rows lack it" if missing else "no row lacks it"
    why = f"from {min(values):g} to {max(values):g}, and a tenth of the width beyond; {absent}"
    feature = {"name": name, "type": "number", "minimum": low, "maximum": high, "missing": rule}
    return feature, Guess(column=name, taken_as=f"number {low:g}..{high:g}, missing: {rule}", why=why)


def _range(low: float, high: float) -> tuple[float, float]:
    """Widen by a tenth, outwards to two digits of the width; what is never negative stays so."""
    room = (high - low) / 10
    step = 10.0 ** (math.floor(math.log10(high - low)) - 1)
    widened = [math.floor((low - room) / step) * step, math.ceil((high + room) / step) * step]
    tidy_low, tidy_high = (float(f"{value:.12g}") for value in widened)
    return (0.0 if low >= 0 > tidy_low else tidy_low), (0.0 if high <= 0 < tidy_high else tidy_high)


def _category(name: str, given: Counter[str], missing: int) -> tuple[dict[str, Any], Guess]:
    rare = next((text for text, count in given.items() if count < _COMMON), None)
    rule = "ignore" if rare else "refuse"
    reason = f"{rare!r} is rare, so others may come" if rare else "each is common"
    feature = {"name": name, "type": "category", "categories": sorted(given), "unknown": rule}
    if missing:
        feature["missing"] = "impute"
    why = f"{few(given)}; {reason}{f'; {missing} rows lack it' if missing else ''}"
    taken = f"category of {len(given)}, unknown: {rule}{', missing: impute' if missing else ''}"
    return feature, Guess(column=name, taken_as=taken, why=why)
