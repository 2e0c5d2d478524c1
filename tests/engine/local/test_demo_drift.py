"""The demo's drift and second model come from the project's own schema, data and hyperparameters."""

import json
from pathlib import Path
from typing import Any

import pytest
from sagemaker_gitops.errors import DemoFailed
from sagemaker_gitops.local.demo.drift import drifted_rows
from sagemaker_gitops.local.demo.run import changed_hyperparameter
from sagemaker_gitops.local.demo.traffic import real_rows

ROWS: list[dict[str, Any]] = [
    {"colour": "red" if number % 4 else "blue", "length": 10.0 + number % 7} for number in range(400)
]
COLOUR = {"name": "colour", "type": "category", "categories": ["red", "blue"]}
LENGTH = {"name": "length", "type": "number", "minimum": 0, "maximum": 100}


def test_a_number_is_sent_in_another_unit() -> None:
    """The first number whose change shows is half as large again; all else is as it was."""
    change = drifted_rows(ROWS, [COLOUR, LENGTH])

    assert change.description == "length in another unit"
    assert [row["length"] for row in change.rows] == [1.5 * row["length"] for row in ROWS]
    assert [row["colour"] for row in change.rows] == [row["colour"] for row in ROWS]


def test_values_stay_within_the_schema() -> None:
    """What the container would refuse is never sent."""
    change = drifted_rows(ROWS, [{**LENGTH, "maximum": 16}])

    assert max(float(str(row["length"])) for row in change.rows) == 16


@pytest.mark.parametrize("features", [[COLOUR], [{**LENGTH, "minimum": 10, "maximum": 10.5}, COLOUR]])
def test_without_a_number_that_can_move_a_category_is_lost(features: list[dict[str, object]]) -> None:
    """Everybody sends the rarest category."""
    rows = [{**row, "length": 10.5} for row in ROWS]

    change = drifted_rows(rows, features)

    assert change.description == "colour is always blue"
    assert {row["colour"] for row in change.rows} == {"blue"}


def test_data_in_which_nothing_can_move_is_refused() -> None:
    """The message says what to widen."""
    with pytest.raises(DemoFailed, match="no feature can be changed enough"):
        drifted_rows([{"colour": "red"}] * 10, [COLOUR])


@pytest.mark.parametrize(
    ("values", "changed"),
    [
        ({"n_estimators": "150", "seed": "0"}, {"n_estimators": "180"}),
        ({"kernel": "rbf", "alpha": "1.0"}, {"alpha": "1.2"}),
        ({"degree": "1"}, {"degree": "2"}),
        ({"seed": "0"}, {"seed": "1"}),
    ],
)
def test_second_model_has_another_hyperparameter(
    values: dict[str, str], changed: dict[str, str], tmp_path: Path
) -> None:
    """The first number grows by a fifth, by one at least where it is whole."""
    path = tmp_path / "hyperparameters.json"
    path.write_text(json.dumps(values))

    assert changed_hyperparameter(path) == changed


def test_no_number_no_second_model(tmp_path: Path) -> None:
    """The message says what to add."""
    path = tmp_path / "hyperparameters.json"
    path.write_text('{"kernel": "rbf"}')

    with pytest.raises(DemoFailed, match="no hyperparameter is a number"):
        changed_hyperparameter(path)


def test_callers_send_rows_as_the_data_has_them(tmp_path: Path) -> None:
    """Features only, numbers as numbers, gaps as gaps, a listed category `NA` as one; another header is refused."""
    colour = {**COLOUR, "categories": ["red", "NA"], "missing": "impute"}
    (tmp_path / "model/config").mkdir(parents=True)
    (tmp_path / "model/config/schema.json").write_text(json.dumps({"features": [colour, LENGTH]}))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("\ufeffid,colour,length\n1,red,+2\n2,,3\n3,NA,NA\n")

    rows = real_rows(tmp_path, 10)

    assert sorted(rows, key=str) == [
        {"colour": "NA", "length": None},
        {"colour": "red", "length": 2.0},
        {"colour": None, "length": 3.0},
    ]
    (tmp_path / "data/rows.csv").write_text("id,color,length\n1,red,2\n")
    with pytest.raises(DemoFailed, match="callers have no colour to send"):
        real_rows(tmp_path, 10)


def test_drift_leaves_gaps_as_they_are() -> None:
    """A missing number stays missing in another unit."""
    rows = [{**row, "length": None if number % 5 == 0 else row["length"]} for number, row in enumerate(ROWS)]

    change = drifted_rows(rows, [LENGTH])

    assert [row["length"] is None for row in change.rows] == [row["length"] is None for row in rows]
    assert change.rows[1]["length"] == 1.5 * ROWS[1]["length"]
