"""The reviewers' view of a change: API, schema and data, side by side."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops.stages import contract_review as review
from tests.engine.contract.conftest import API, write_api

Edit = Callable[[Path], object]


@pytest.fixture
def before(checkout: Path) -> Path:
    """Give a checkout with an API description."""
    write_api(checkout, API)
    return checkout


@pytest.fixture
def after(before: Path, tmp_path: Path) -> Path:
    """Copy it, for a test to change."""
    return Path(shutil.copytree(before, tmp_path / "after"))


def edit_data(root: Path, change: Callable[[list[str], list[str]], list[str]]) -> None:
    """Rewrite every row of the data set; `change` takes the names and the cells."""
    path = root / "data/hmda.csv"
    names, *rows = [line.split(",") for line in path.read_text().splitlines()]
    lines = [names, *(change(names, row) for row in rows)]
    path.write_text("\n".join(",".join(line) for line in lines) + "\n")


def section(report: str, title: str) -> str:
    """Cut one section out of the report."""
    return report.split(f"### {title}\n\n")[1].split("\n### ", maxsplit=1)[0]


def test_unchanged_contract_is_said_to_be_so(before: Path, after: Path) -> None:
    """A reviewer need not look where nothing changed."""
    assert review.markdown(before, after).count("Unchanged.") == 3


def test_break_of_the_api_stands_above_the_diff(before: Path, after: Path, description: dict[str, Any]) -> None:
    """What breaks callers comes first, then every changed line."""
    del description["paths"]["/invocations"]["post"]["requestBody"]["content"]["text/csv"]
    write_api(after, description)

    told = section(review.markdown(before, after), "API contract")

    assert told.startswith("- ⚠ paths > /invocations > post > requestBody > content: text/csv is no longer accepted")
    assert "-          text/csv:" in told


def test_harmless_change_of_the_schema_is_said_to_be_so(before: Path, after: Path) -> None:
    """A wider range is shown, and breaks nobody."""
    path = after / "model/config/schema.json"
    content = json.loads(path.read_text())
    content["features"][0]["maximum"] = 9
    path.write_text(json.dumps(content))

    assert section(review.markdown(before, after), "Schema").startswith("Nothing that a caller uses today breaks.")


def test_shifted_column_is_marked(before: Path, after: Path) -> None:
    """Each column has its PSI; only the one that moved is marked."""

    def double(names: list[str], row: list[str]) -> list[str]:
        place = names.index("pirat")
        return [*row[:place], f"{float(row[place]) * 2:.4f}", *row[place + 1 :]]

    edit_data(after, double)

    report = section(review.markdown(before, after), "Data by column")
    rows = [line for line in report.splitlines() if "| moved |" in line]
    assert [row.split(" | ")[0] for row in rows] == ["| pirat"]


def test_rarer_category_is_marked(before: Path, after: Path) -> None:
    """A category's shares are compared too."""

    def settle(names: list[str], row: list[str]) -> list[str]:
        place = names.index("single")
        return [*row[:place], "no", *row[place + 1 :]]

    edit_data(after, settle)

    report = section(review.markdown(before, after), "Data by column")
    assert "| no 60.7% → no 100.0% |" in report
    assert report.count("| moved |") == 1


def test_added_rows_and_columns_are_counted(before: Path, after: Path) -> None:
    """Rows and columns come before their distributions."""
    path = after / "data/hmda.csv"
    lines = path.read_text().splitlines()
    lines = [f"{lines[0]},extra", *(f"{line},1" for line in [*lines[1:], f"9001{lines[1].removeprefix('1')}"])]
    path.write_text("\n".join(lines) + "\n")

    report = section(review.markdown(before, after), "Data by column")

    assert report.startswith("2,380 → 2,381 rows: 1 added, 0 removed, 0 changed.\nColumn **extra** was added.")
