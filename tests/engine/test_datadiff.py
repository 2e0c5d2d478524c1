"""A reviewer sees what a change of data does: to rows, to columns, to distributions."""

from pathlib import Path

import pytest
from sagemaker_gitops.monitor import data_changes as datadiff

ROWS = [f"{number},{number % 7},{'yes' if number % 5 == 0 else 'no'}" for number in range(1, 201)]
HEADER = "id,load,deny"


def _table(path: Path, rows: list[str], header: str = HEADER) -> list[Path]:
    path.write_text("\n".join([header, *rows]) + "\n")
    return [path]


@pytest.fixture
def before(tmp_path: Path) -> list[Path]:
    """Return the former data set."""
    return _table(tmp_path / "before.csv", ROWS)


def test_rows_are_counted_by_their_id(before: list[Path], tmp_path: Path) -> None:
    """Order does not count; a row with the same id and other content has changed."""
    rows = [*reversed(ROWS[10:]), "301,1,no", "302,2,no"]
    rows[0] = f"{rows[0].rsplit(',', 1)[0]},no"

    found = datadiff.compare(before, _table(tmp_path / "after.csv", rows), row_id="id").rows

    assert (found.before, found.after) == (200, 192)
    assert (found.added, found.removed, found.changed) == (2, 10, 1)


def test_number_written_otherwise_is_no_change(before: list[Path], tmp_path: Path) -> None:
    """1 and 1.0 are one value: a column that gained a fraction changed in that row alone."""
    rows = [f"{id_},{load}.0,{deny}" for id_, load, deny in (row.split(",") for row in ROWS)]
    rows[3] = "4,4.5,no"

    found = datadiff.compare(before, _table(tmp_path / "after.csv", rows), row_id="id")

    assert found.rows.changed == 1


def test_files_of_a_version_are_one_table(before: list[Path], tmp_path: Path) -> None:
    """A data set that was cut into two files is the same data set."""
    halves = [*_table(tmp_path / "a.csv", ROWS[:50]), *_table(tmp_path / "b.csv", ROWS[50:])]

    found = datadiff.compare(before, halves, row_id="id")

    assert (found.rows.added, found.rows.removed, found.rows.changed) == (0, 0, 0)
    assert all(column.psi == 0 for column in found.columns)


def test_columns_that_come_and_go_are_named(before: list[Path], tmp_path: Path) -> None:
    """A schema change is told in words."""
    rows = [",".join([*row.split(",")[:2], "x"]) for row in ROWS]

    told = datadiff.compare(before, _table(tmp_path / "after.csv", rows, "id,load,extra"), row_id="id").as_markdown()

    assert "Column **extra** was added." in told
    assert "Column **deny** was removed." in told


def test_column_of_another_type_is_named(before: list[Path], tmp_path: Path) -> None:
    """A number that became text stands out, with both types."""
    rows = [row.replace(",3,", ",three,") for row in ROWS]

    told = datadiff.compare(before, _table(tmp_path / "after.csv", rows), row_id="id").as_markdown()

    assert "| load (int64 → string) |" in told
    assert "another type" in told


def test_distribution_that_moved_is_named_and_one_that_did_not_is_not(before: list[Path], tmp_path: Path) -> None:
    """Only the column whose values moved carries a verdict."""
    rows = [f"{id_},{int(load) + 4},{deny}" for id_, load, deny in (row.split(",") for row in ROWS)]

    columns = {c.name: c for c in datadiff.compare(before, _table(tmp_path / "a.csv", rows), row_id="id").columns}

    assert columns["load"].verdict == "moved"
    assert columns["deny"].verdict == ""


def test_new_category_and_missing_values_are_told(before: list[Path], tmp_path: Path) -> None:
    """A value that was never there before, and values that are now absent, are what breaks a model."""
    rows = [f"{row.rsplit(',', 1)[0]},maybe" if number < 20 else row for number, row in enumerate(ROWS)]
    rows[30] = "31,,no"

    told = datadiff.compare(before, _table(tmp_path / "after.csv", rows), row_id="id").as_markdown()

    assert "new: maybe" in told
    assert "| 0.0% → 0.5% |" in told


def test_column_that_lost_every_value_has_moved_as_far_as_can_be(before: list[Path], tmp_path: Path) -> None:
    """An empty column is no column."""
    rows = [f"{id_},NA,{deny}" for id_, _, deny in (row.split(",") for row in ROWS)]

    columns = {c.name: c for c in datadiff.compare(before, _table(tmp_path / "a.csv", rows), row_id="id").columns}

    assert columns["load"].missing == (0.0, 1.0)
    assert columns["load"].verdict != ""


def test_a_listed_word_for_nothing_is_no_gap(tmp_path: Path) -> None:
    """`NA` is a category where schema.json lists it, and missing where it does not."""
    before, after = (_table(tmp_path / name, rows) for name, rows in (("a", ROWS), ("b", ROWS)))
    for path in (*before, *after):
        path.write_text(path.read_text().replace(",no", ",NA"))

    plain = datadiff.compare(before, after, row_id="id")
    listed = datadiff.compare(before, after, row_id="id", listed={"deny": ("yes", "NA")})

    assert {column.name: column.missing[1] for column in plain.columns} == {"load": 0.0, "deny": 0.8}
    assert {column.name: column.missing[1] for column in listed.columns} == {"load": 0.0, "deny": 0.0}
