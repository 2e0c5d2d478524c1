"""A CSV file is a table, or is refused with what is wrong, at which line, and what to do."""

from pathlib import Path

import pytest
from sagemaker_gitops.errors import DataInvalid
from sagemaker_gitops.project import table

ROWS = [f"{place},{place / 7:.3f},{'yes' if place % 3 else 'no'}" for place in range(60)]


def written(folder: Path, header: str = "n,x,y", rows: list[str] = ROWS, encoding: str = "utf-8") -> Path:
    """Write a file of comma-separated lines."""
    path = folder / "data.csv"
    path.write_bytes("\r\n".join([header, *rows, ""]).encode(encoding))
    return path


def test_table_is_read_as_it_is_written(tmp_path: Path) -> None:
    """Quotes, empty lines and a byte-order mark are no content; what is missing is empty."""
    rows = ['0,"1,5",NA', "", *ROWS]

    read = table.read(written(tmp_path, rows=rows, encoding="utf-8-sig"))

    assert list(read.columns) == ["n", "x", "y"]
    assert read.rows == 61
    assert (read.columns["x"][0], read.columns["y"][0]) == ("1,5", "")
    assert read.text().splitlines()[1] == '0,"1,5",'


def test_words_for_missing_count_among_numbers_only(tmp_path: Path) -> None:
    """`?` among numbers can be nothing else; among texts it may be a category."""
    rows = [line.replace("0.000", "?").replace("no", "?") for line in ROWS]

    read = table.read(written(tmp_path, rows=rows))

    assert read.columns["x"][0] == ""
    assert read.columns["y"][0] == "?"


REFUSED = {
    "few rows": ("n,x,y", ROWS[:20], "utf-8", "the file has 20 rows", "data.csv"),
    "semicolons": ("n;x;y", ROWS, "utf-8", "the columns are separated by ';'", "data.csv:1"),
    "unnamed column": ("n,,y", ROWS, "utf-8", "column 2 has no name", "data.csv:1"),
    "duplicate column": ("n,y,y", ROWS, "utf-8", "y is the name of several columns", "data.csv:1"),
    "blanks": ("n, x,y", ROWS, "utf-8", "the name ' x' has blanks around it", "data.csv:1"),
    "no header": ("1,2.5,3", ROWS, "utf-8", "every name is a number", "data.csv:1"),
    "one column": ("n", ["1"] * 60, "utf-8", "'n' is the only column", "data.csv:1"),
    "ragged row": ("n,x,y", [*ROWS, "1,2"], "utf-8", "the row has 2 cells, the header 3", "data.csv:62"),
    "open quote": ("n,x,y", [*ROWS, '1,"2,3'], "utf-8", "the file is not CSV", "data.csv:"),
    "other encoding": ("n,x,y", [*ROWS, "1,2,größer"], "latin-1", "byte 0xf6 is not UTF-8", "data.csv:62"),
    "nothing": ("", [], "utf-8", "the file has no header", "data.csv:1"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_file_that_is_no_table_is_refused(tmp_path: Path, name: str) -> None:
    """One sentence says what, where and what to do next."""
    header, rows, encoding, what, where = REFUSED[name]

    with pytest.raises(DataInvalid) as refused:
        table.read(written(tmp_path, header, rows, encoding))

    assert what in refused.value.what
    assert where in str(refused.value.where)
    assert refused.value.next_step


def test_absent_file_is_refused(tmp_path: Path) -> None:
    """A name that leads nowhere is no traceback."""
    with pytest.raises(DataInvalid, match="cannot be read: No such file"):
        table.read(tmp_path / "nowhere.csv")
