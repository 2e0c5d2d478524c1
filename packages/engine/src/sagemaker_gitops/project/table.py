"""Somebody's CSV file, read strictly enough to make a model of it, and refused by line where it is no table."""

import csv
import io
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sagemaker_gitops.errors import DataInvalid

# What training reads as missing, and what people write for it beside that.
MISSING = frozenset({"", "NA"})
SPELLINGS = frozenset({"?", "-", ".", "n/a", "na", "nan", "none", "null", "missing"})
FEWEST_ROWS = 50


@dataclass(frozen=True, kw_only=True)
class Table:
    """The columns of a file by name, each a text for every row; a missing value is the empty text."""

    source: Path
    columns: dict[str, tuple[str, ...]]

    @property
    def rows(self) -> int:
        """How many rows there are."""
        return len(next(iter(self.columns.values())))

    def text(self) -> str:
        """Write the table as training reads it."""
        lines = io.StringIO()
        writer = csv.writer(lines, lineterminator="\n")
        writer.writerow(self.columns)
        writer.writerows(zip(*self.columns.values(), strict=True))
        return lines.getvalue()


def read(source: Path) -> Table:
    """Read a CSV file in UTF-8 with a header."""
    lines = csv.reader(io.StringIO(_decoded(source), newline=""), strict=True)
    try:
        header = next(lines, [])
        _require_header(header, source)
        rows = [_whole(row, header, source, lines.line_num) for row in lines if row]
    except csv.Error as error:
        raise _refused(f"the file is not CSV: {error}", source, lines.line_num, "close every quote") from error
    if len(rows) < FEWEST_ROWS:
        raise DataInvalid(
            f"the file has {len(rows)} rows; fewer than {FEWEST_ROWS} say nothing of a third that is held out",
            where=str(source),
            next_step="bring more rows",
        )
    cells = zip(*rows, strict=True)
    return Table(source=source, columns={n: _column(column) for n, column in zip(header, cells, strict=True)})


def number(text: str) -> float | None:
    """Read a number as training does; None where a text is none, or is not finite."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if abs(value) < float("inf") else None


def _decoded(source: Path) -> str:
    try:
        content = source.read_bytes()
    except OSError as error:
        raise DataInvalid(
            f"the file cannot be read: {error.strerror}", where=str(source), next_step="name a CSV file"
        ) from error
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        what = f"byte 0x{content[error.start]:02x} is not UTF-8"
        raise _refused(what, source, line, "save the file as UTF-8") from error


def _require_header(header: list[str], source: Path) -> None:
    if not any(header):
        raise _refused("the file has no header", source, 1, "write the columns' names into its first line")
    if len(header) == 1 and (other := next((sign for sign in ";\t|" if sign in header[0]), None)):
        raise _refused(f"the columns are separated by {other!r}", source, 1, "save the file with commas")
    if len(header) == 1:
        raise _refused(f"{header[0]!r} is the only column", source, 1, "a target and a feature are needed")
    if unnamed := [place for place, name in enumerate(header, 1) if not name.strip()]:
        raise _refused(
            f"column {', '.join(map(str, unnamed))} has no name", source, 1, "name it, or leave it out of the file"
        )
    if blank := [name for name in header if name != name.strip()]:
        raise _refused(f"the name {blank[0]!r} has blanks around it", source, 1, "take them away")
    if twice := [name for name, count in Counter(header).items() if count > 1]:
        raise _refused(f"{', '.join(twice)} is the name of several columns", source, 1, "give each its own")
    if all(number(name) is not None for name in header):
        raise _refused("every name is a number, so the header is missing", source, 1, "write one above the first row")


def _whole(row: list[str], header: list[str], source: Path, line: int) -> list[str]:
    if len(row) != len(header):
        what = f"the row has {len(row)} cells, the header {len(header)}"
        raise _refused(what, source, line, "complete the row, or quote a cell that holds a comma")
    return row


def _column(cells: tuple[str, ...]) -> tuple[str, ...]:
    """Leave cells empty that are missing; other spellings of it only among numbers, where they can be nothing else."""
    bare = tuple("" if cell.strip() in MISSING else cell for cell in cells)
    spelt = {cell for cell in bare if cell.strip().lower() in SPELLINGS}
    rest = {cell for cell in bare if cell} - spelt
    if spelt and rest and all(number(cell) is not None for cell in rest):
        return tuple("" if cell in spelt else cell for cell in bare)
    return bare


def _refused(what: str, source: Path, line: int, next_step: str) -> DataInvalid:
    return DataInvalid(what, where=f"{source}:{line}", next_step=next_step)
