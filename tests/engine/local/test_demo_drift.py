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


def test_callers_send_complete_rows_of_the_data(tmp_path: Path) -> None:
    """Features only, numbers as numbers, no row with a hole; a header of something else is refused."""
    (tmp_path / "model/config").mkdir(parents=True)
    (tmp_path / "model/config/schema.json").write_text(json.dumps({"features": [COLOUR, LENGTH]}))
    (tmp_path / "data").mkdir()
    (tmp_path / "data/rows.csv").write_text("id,colour,length\n1,red,2\n2,,3\n3,blue,4\n")

    rows = real_rows(tmp_path, 10)

    assert sorted(rows, key=str) == [{"colour": "blue", "length": 4.0}, {"colour": "red", "length": 2.0}]
    (tmp_path / "data/rows.csv").write_text("id,color,length\n1,red,2\n")
    with pytest.raises(DemoFailed, match="no row holds every feature"):
        real_rows(tmp_path, 10)
